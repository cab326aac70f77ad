-- Databases of earlier releases hold these functions as the releases wrote them. From here on each stands once, in its
-- file; a later change of a file takes another version that includes it.
\ir ../functions/append_events.sql
\ir ../functions/execute_generation_statement.sql
\ir ../functions/generation_statements.sql
\ir ../functions/learn_one_after_the_other.sql
\ir ../functions/refuse_change_of_catalogue_facts.sql
\ir ../functions/refuse_change_of_destroyed_data_keys.sql
\ir ../functions/refuse_change_of_events.sql
\ir ../functions/refuse_change_of_operator_actions.sql
