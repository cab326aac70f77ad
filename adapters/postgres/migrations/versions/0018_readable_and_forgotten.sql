-- jsonb has no U+0000, which a token's subject could bring into metadata before it was refused: one such event kept
-- people from reading all others. They are shown U+FFFD instead; what is stored stays as it is.
CREATE OR REPLACE VIEW readable_events AS
SELECT position, stream_id, version, type, recorded_at,
       replace(convert_from(data, 'UTF8'), '\u0000', '\ufffd')::jsonb AS data,
       replace(convert_from(metadata, 'UTF8'), '\u0000', '\ufffd')::jsonb AS metadata
  FROM events;

-- Letters that lost their content when their basket was forgotten kept the key and headers that came with it. Only
-- what names the basket stays.
UPDATE dead_letters
   SET key = CASE WHEN key = convert_to(about, 'UTF8') THEN key END,
       header_names = CASE WHEN header_values[array_position(header_names, 'ce_subject')] = convert_to(about, 'UTF8')
                           THEN ARRAY['ce_subject'] ELSE '{}' END,
       header_values = CASE WHEN header_values[array_position(header_names, 'ce_subject')] = convert_to(about, 'UTF8')
                            THEN ARRAY[header_values[array_position(header_names, 'ce_subject')]] ELSE '{}' END
 WHERE value IS NULL AND error = 'forgotten with the personal data of its basket';
