-- Whole baskets, beside events and verdicts. Every row that an older release wrote fits.
ALTER TABLE republications
    DROP CONSTRAINT republications_content_check,
    ADD CONSTRAINT republications_content_check CHECK (content IN ('events', 'verdicts', 'states'));
