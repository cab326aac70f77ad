-- What everything that an event's row holds comes to. The digest of a basket is the SHA-256 of these, in the order of the
-- versions: a file cannot bring back anything else than what was archived.
CREATE OR REPLACE FUNCTION event_digest(
    "position" bigint, version int, type text, data bytea, metadata bytea, recorded_at timestamptz
) RETURNS bytea
LANGUAGE sql STABLE STRICT AS $function$
    SELECT sha256(int8send("position") || int4send(version) || timestamptz_send(recorded_at)
                  || sha256(convert_to(type, 'UTF8')) || sha256(data) || sha256(metadata))
$function$;
