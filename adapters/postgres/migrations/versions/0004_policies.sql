-- Policies are facts too. Existing facts satisfy the narrower rule that is dropped, so they are not checked: a check of
-- millions of them would keep writers waiting.
ALTER TABLE catalogue_facts
    DROP CONSTRAINT catalogue_facts_kind_check,
    ADD CONSTRAINT catalogue_facts_kind_check
        CHECK (kind IN ('offer', 'price', 'availability', 'policy')) NOT VALID;

-- The newest policy of each partner organisation, and the one of all.
CREATE TABLE catalogue_policies (
    subject  text COLLATE "C" PRIMARY KEY,
    fact_id  text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    data     bytea NOT NULL
);
