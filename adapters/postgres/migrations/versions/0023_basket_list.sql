-- The indexes of a partner's list of its own baskets: one status in the order of creation, and one in the order of the
-- last change. The list of every status uses basket_views_of_a_partner. The index of the external id gets the
-- organisation and the order, so that it serves the list too; operators search by its first column.
--
-- A generation that is being built or kept may become the live one, so that it gets them as well.
--
-- Baskets are read meanwhile: reads wait only for the drop, which therefore comes last.
DO $indexes$
DECLARE
    places text[] := ARRAY(
        SELECT relnamespace::regnamespace::text FROM pg_class
         WHERE relname = 'basket_views' AND relkind = 'r'
           AND relnamespace IN ('public'::regnamespace, 'checkout_rebuilt'::regnamespace, 'checkout_kept'::regnamespace));
    place text;
BEGIN
    FOREACH place IN ARRAY places LOOP
        EXECUTE format('CREATE INDEX basket_views_by_external_id_and_partner ON %s.basket_views'
                       ' (external_id, partner, created DESC, basket_id DESC) WHERE external_id IS NOT NULL', place);
        EXECUTE format('CREATE INDEX basket_views_of_a_partner_by_status ON %s.basket_views'
                       ' (partner, status, created DESC, basket_id DESC)', place);
        EXECUTE format('CREATE INDEX basket_views_of_a_partner_by_change ON %s.basket_views'
                       ' (partner, status, modified, basket_id)', place);
    END LOOP;
    FOREACH place IN ARRAY places LOOP
        EXECUTE format('DROP INDEX IF EXISTS %s.basket_views_by_external_id', place);
        EXECUTE format('ALTER INDEX %s.basket_views_by_external_id_and_partner'
                       ' RENAME TO basket_views_by_external_id', place);
    END LOOP;
END
$indexes$;
