-- The columns of the basket search, for open and finished baskets. They derive from the basket in the row's snapshot,
-- which from here on also holds the codes of the last verdict's findings. The defaults are for an earlier release's
-- projector: a basket that it moves is found again once a newer projector moves it.
--
-- A table beside the old one is filled and then replaces it. Meanwhile reads of baskets continue; the projector waits and
-- catches up afterwards. Adding columns first would keep all reads waiting until the end.
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

-- Open baskets by the time they are due. Nobody looks for finished ones.
CREATE INDEX basket_views_filled_due ON basket_views_filled (expires_at) WHERE status = 'open';

-- The newest first, in the order of pages: of all, of an organisation, of a status.
CREATE INDEX basket_views_newest ON basket_views_filled (created DESC, basket_id DESC);
CREATE INDEX basket_views_of_a_partner ON basket_views_filled (partner, created DESC, basket_id DESC);
CREATE INDEX basket_views_of_a_status ON basket_views_filled (status, created DESC, basket_id DESC);
CREATE INDEX basket_views_by_external_id ON basket_views_filled (external_id) WHERE external_id IS NOT NULL;
CREATE INDEX basket_views_by_time_of_change ON basket_views_filled (modified);

-- One index for all arrays of a row: for any of them, and for any combination.
CREATE INDEX basket_views_by_content ON basket_views_filled USING gin (offers, products, finding_codes);

-- The rights of the old table.
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
