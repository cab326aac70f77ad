-- What baskets are found by, open or finished. All of it derives from the basket that the row's snapshot says,
-- which from here on holds the codes of the last verdict's findings as well. The defaults are for a projector of
-- before this migration: what that moves is found again once a newer one moves it.
--
-- A table beside the old one is filled and then takes its place. Reads of baskets go on meanwhile; what moves views
-- waits, and catches up afterwards. To add columns first would keep all reads waiting until the end.
LOCK TABLE basket_views IN SHARE MODE;

CREATE TABLE basket_views_filled (LIKE basket_views INCLUDING CONSTRAINTS INCLUDING STORAGE);
ALTER TABLE basket_views_filled
    ADD COLUMN ready         boolean,
    ADD COLUMN offers        text[] COLLATE "C" NOT NULL DEFAULT '{}',
    ADD COLUMN products      text[] COLLATE "C" NOT NULL DEFAULT '{}',
    ADD COLUMN finding_codes text[] COLLATE "C" NOT NULL DEFAULT '{}';

-- A snapshot is a JSON object; the codes become its last member.
INSERT INTO basket_views_filled
    (basket_id, version, partner, external_id, status, created, modified, expires_at, snapshot, ready, offers,
     products, finding_codes)
SELECT held.basket_id, held.version, held.partner, held.external_id, held.status, held.created, held.modified,
       held.expires_at,
       substring(held.snapshot FOR length(held.snapshot) - 1)
       || convert_to(',"findingCodes":' || to_json(found.codes) || '}', 'UTF8'),
       (held.said ->> 'ready')::boolean,
       ARRAY(SELECT DISTINCT item -> 'offer' ->> 'id' COLLATE "C"
               FROM jsonb_array_elements(held.said -> 'items') AS item
              ORDER BY 1),
       ARRAY(SELECT DISTINCT product ->> 'productCode' COLLATE "C"
               FROM jsonb_array_elements(held.said -> 'items') AS item,
                    jsonb_array_elements(item -> 'offer' -> 'products') AS product
              ORDER BY 1),
       found.codes
  FROM (SELECT *, convert_from(snapshot, 'UTF8')::jsonb AS said FROM basket_views OFFSET 0) AS held,
       LATERAL (SELECT ARRAY(
           SELECT DISTINCT finding ->> 'code' COLLATE "C"
             FROM (SELECT convert_from(data, 'UTF8')::jsonb AS verdict
                     FROM events
                    WHERE stream_id = held.basket_id AND version <= held.version
                      AND type = 'checkout.basket-validated.v1'
                      AND held.said ->> 'ready' IS NOT NULL
                    ORDER BY version DESC LIMIT 1) AS last,
                  jsonb_array_elements(last.verdict -> 'blockedProducts' || (last.verdict -> 'validationErrors'))
                  AS finding
            ORDER BY 1) AS codes OFFSET 0) AS found;

ALTER TABLE basket_views_filled ADD CONSTRAINT basket_views_filled_pkey PRIMARY KEY (basket_id);

-- Open baskets by when they are due; finished ones are never looked for.
CREATE INDEX basket_views_filled_due ON basket_views_filled (expires_at) WHERE status = 'open';

-- The newest first, in the order in which pages are turned: of all, of an organisation, of a status.
CREATE INDEX basket_views_newest ON basket_views_filled (created DESC, basket_id DESC);
CREATE INDEX basket_views_of_a_partner ON basket_views_filled (partner, created DESC, basket_id DESC);
CREATE INDEX basket_views_of_a_status ON basket_views_filled (status, created DESC, basket_id DESC);
CREATE INDEX basket_views_by_external_id ON basket_views_filled (external_id) WHERE external_id IS NOT NULL;
CREATE INDEX basket_views_by_time_of_change ON basket_views_filled (modified);

-- One index for all that a row has several of: any of them, and any together.
CREATE INDEX basket_views_by_content ON basket_views_filled USING gin (offers, products, finding_codes);

-- Who was let see the old table sees the new one.
DO $grants$
DECLARE
    given record;
BEGIN
    FOR given IN
        SELECT privilege_type, is_grantable,
               CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END AS grantee
          FROM pg_class, aclexplode(relacl)
         WHERE oid = 'basket_views'::regclass AND grantee <> relowner
    LOOP
        EXECUTE format('GRANT %s ON basket_views_filled TO %s %s', given.privilege_type, given.grantee,
                       CASE WHEN given.is_grantable THEN 'WITH GRANT OPTION' END);
    END LOOP;
END
$grants$;

DROP TABLE basket_views;
ALTER TABLE basket_views_filled RENAME TO basket_views;
ALTER TABLE basket_views RENAME CONSTRAINT basket_views_filled_pkey TO basket_views_pkey;
ALTER INDEX basket_views_filled_due RENAME TO basket_views_due;
ANALYZE basket_views;
