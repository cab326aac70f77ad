-- The market and the validity of a price, so that a query can leave out prices that do not apply. The defaults mean
-- "always applies". That is right, if slow, for rows that an earlier release's worker writes.
ALTER TABLE catalogue_prices
    ADD COLUMN country     text NOT NULL DEFAULT '',
    ADD COLUMN currency    text NOT NULL DEFAULT '',
    ADD COLUMN valid_from  timestamptz NOT NULL DEFAULT '-infinity',
    ADD COLUMN valid_until timestamptz NOT NULL DEFAULT 'infinity';

UPDATE catalogue_prices
   SET country = coalesce(said.price ->> 'country', ''),
       currency = said.price ->> 'currency',
       valid_from = coalesce((said.price ->> 'validFrom')::timestamptz, '-infinity'),
       valid_until = coalesce((said.price ->> 'validUntil')::timestamptz, 'infinity')
  FROM (SELECT subject, convert_from(data, 'UTF8')::jsonb AS price FROM catalogue_prices) AS said
 WHERE said.subject = catalogue_prices.subject;
