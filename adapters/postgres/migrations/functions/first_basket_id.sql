-- The least id of a basket that is created at a moment (UTC): ids are UUIDs of version 7, which begin with 48 bits of
-- milliseconds. Ids of the same month therefore lie beside each other, in the order of "C".
CREATE OR REPLACE FUNCTION first_basket_id(created timestamp) RETURNS text
LANGUAGE sql IMMUTABLE STRICT AS $function$
    SELECT 'basket-' || left(hex, 8) || '-' || right(hex, 4)
      FROM lpad(to_hex((extract(epoch FROM created) * 1000)::bigint), 12, '0') AS hex
$function$;
