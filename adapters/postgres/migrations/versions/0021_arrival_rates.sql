-- The events that arrive for a worker a second, beside `rate`, those that it handles. Earlier releases do not report it.
ALTER TABLE worker_states ADD COLUMN arriving double precision;
