-- jsonb has no U+0000. Before it was refused, a token's subject could bring it into metadata, and one such event made the
-- whole view unreadable. The view now shows U+FFFD instead; stored events stay as they are.
CREATE OR REPLACE VIEW readable_events AS
SELECT position, stream_id, version, type, recorded_at,
       replace(convert_from(data, 'UTF8'), '\u0000', '\ufffd')::jsonb AS data,
       replace(convert_from(metadata, 'UTF8'), '\u0000', '\ufffd')::jsonb AS metadata
  FROM events;

-- Dead letters of erased baskets lost their content but kept the key and headers of the message. Now only the basket's id
-- stays.
UPDATE dead_letters
   SET key = CASE WHEN key = convert_to(about, 'UTF8') THEN key END,
       header_names = CASE WHEN header_values[array_position(header_names, 'ce_subject')] = convert_to(about, 'UTF8')
                           THEN ARRAY['ce_subject'] ELSE '{}' END,
       header_values = CASE WHEN header_values[array_position(header_names, 'ce_subject')] = convert_to(about, 'UTF8')
                            THEN ARRAY[header_values[array_position(header_names, 'ce_subject')]] ELSE '{}' END
 WHERE value IS NULL AND error = 'forgotten with the personal data of its basket';
