-- Policies are facts too. Facts that lie there already are right by the narrower rule that goes, so they need
-- no look: a look at millions of them would keep writers waiting.
ALTER TABLE catalogue_facts
    DROP CONSTRAINT catalogue_facts_kind_check,
    ADD CONSTRAINT catalogue_facts_kind_check
        CHECK (kind IN ('offer', 'price', 'availability', 'policy')) NOT VALID;

-- The newest policy of each partner organisation, and of all.
CREATE TABLE catalogue_policies (
    subject  text COLLATE "C" PRIMARY KEY,
    fact_id  text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    data     bytea NOT NULL
);
