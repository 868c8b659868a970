-- A database in memory: rows, indexes, a join, groups, updates, deletes. Every figure that can be known beforehand is
-- checked; a check that fails ends sqlite3 -bail with status 1. Scale: the number of rows, in the table `size`.
PRAGMA journal_mode = MEMORY;
CREATE TABLE size(rows INTEGER);
INSERT INTO size VALUES (40000);
CREATE TABLE checks(what TEXT, fine INTEGER CHECK (fine));

CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT, town INTEGER, text TEXT);
WITH RECURSIVE number(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number, size WHERE n + 1 < rows)
    INSERT INTO person SELECT n, printf('person %08d', (n * 7919) % rows), n % 101, hex(zeroblob(n % 150)) FROM number, size;
INSERT INTO checks SELECT 'all persons', count(*) = (SELECT rows FROM size) FROM person;
INSERT INTO checks SELECT 'their texts', sum(length(text)) = (SELECT sum(2 * (id % 150)) FROM person) FROM person;
CREATE INDEX by_name ON person(name);
CREATE INDEX by_town ON person(town, name);

INSERT INTO checks SELECT 'names are a permutation', count(DISTINCT name) = (SELECT rows FROM size) FROM person;
CREATE TABLE town AS SELECT town AS id, count(*) AS people, min(name) AS first, group_concat(substr(name, 8), '') AS names
    FROM person GROUP BY town;
INSERT INTO checks SELECT 'towns', count(*) = 101 AND sum(people) = (SELECT rows FROM size) FROM town;
INSERT INTO checks SELECT 'names in towns', sum(length(names)) = 8 * (SELECT rows FROM size) FROM town;
INSERT INTO checks SELECT 'join', count(*) = 101
    FROM town JOIN person ON person.name = town.first AND person.town = town.id;

UPDATE person SET text = text || name, town = town + 1 WHERE id % 3 = 0;
INSERT INTO checks SELECT 'longer texts', count(*) = ((SELECT rows FROM size) + 2) / 3 FROM person WHERE text LIKE '%person%';
DELETE FROM person WHERE id % 2 = 1;
INSERT INTO checks SELECT 'half of them', count(*) = ((SELECT rows FROM size) + 1) / 2 FROM person;
CREATE TABLE sorted AS SELECT text || id AS line FROM person ORDER BY text DESC, id;
INSERT INTO checks SELECT 'sorted', count(*) = ((SELECT rows FROM size) + 1) / 2 FROM sorted;
INSERT INTO checks SELECT 'its index', quick_check = 'ok' FROM pragma_quick_check;
VACUUM;
