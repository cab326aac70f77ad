-- Events a second that arrive for a worker, beside `rate`, those that it handles. Unknown of releases before this one.
ALTER TABLE worker_states ADD COLUMN arriving double precision;
