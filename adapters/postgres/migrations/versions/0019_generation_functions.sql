-- Operators rebuild tables that the owner owns: its functions write and execute the statements.
\ir ../functions/generation_statements.sql
\ir ../functions/execute_generation_statement.sql

REVOKE ALL ON FUNCTION execute_generation_statement FROM PUBLIC;
