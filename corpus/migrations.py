"""The schema of corpus.db: an append-only list of migrations, never edited once released."""

from typing import TYPE_CHECKING

from corpus.sqlite import Migrations

if TYPE_CHECKING:
    from sqlite_utils import Database

MIGRATIONS = Migrations("corpus")


@MIGRATIONS(name="0001_conversations_turns_rewrites_acts")
def _conversations_turns_rewrites_acts(db: "Database") -> None:
    """Create the tables; a turn is one prompt and its reply, siblings share parent and prompt."""
    db.executescript(
        """
        CREATE TABLE conversations (
            id INTEGER PRIMARY KEY,
            key TEXT NOT NULL UNIQUE,
            title TEXT NOT NULL,
            system TEXT NOT NULL,
            source TEXT NOT NULL,
            split TEXT NOT NULL CHECK (split IN ('train', 'held-out')),
            head INTEGER REFERENCES turns (id),
            created TEXT NOT NULL,
            updated TEXT NOT NULL
        );
        CREATE INDEX conversations_updated ON conversations (updated);
        CREATE INDEX conversations_source ON conversations (source);
        CREATE TABLE turns (
            id INTEGER PRIMARY KEY,
            conversation INTEGER NOT NULL REFERENCES conversations (id),
            parent INTEGER REFERENCES turns (id),
            depth INTEGER NOT NULL,
            prompt TEXT NOT NULL,
            reply TEXT NOT NULL,
            rewrite INTEGER REFERENCES rewrites (id),
            verdict TEXT NOT NULL CHECK (verdict IN ('unreviewed', 'approved', 'rewritten', 'dropped')),
            version TEXT,
            base TEXT,
            seed INTEGER,
            sampling TEXT NOT NULL,
            stopped_by TEXT,
            prompt_tokens INTEGER,
            reply_tokens INTEGER,
            tokens_per_s REAL,
            created TEXT NOT NULL,
            judged TEXT,
            CHECK ((verdict = 'rewritten') = (rewrite IS NOT NULL)),
            CHECK ((verdict = 'unreviewed') = (judged IS NULL))
        );
        CREATE INDEX turns_conversation ON turns (conversation, parent);
        CREATE INDEX turns_parent ON turns (parent);
        CREATE INDEX turns_version ON turns (version) WHERE version IS NOT NULL;
        CREATE INDEX turns_examples ON turns (judged, conversation) WHERE verdict IN ('approved', 'rewritten');
        CREATE TABLE rewrites (
            id INTEGER PRIMARY KEY,
            turn INTEGER NOT NULL REFERENCES turns (id),
            text TEXT NOT NULL,
            created TEXT NOT NULL
        );
        CREATE INDEX rewrites_turn ON rewrites (turn);
        CREATE TABLE acts (
            id INTEGER PRIMARY KEY,
            kind TEXT NOT NULL CHECK (kind IN ('approve', 'rewrite', 'drop')),
            created TEXT NOT NULL,
            changes TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('done', 'undone', 'abandoned'))
        );
        CREATE INDEX acts_state ON acts (state);
        """
    )


@MIGRATIONS(name="0002_full_text_search")
def _full_text_search(db: "Database") -> None:
    """Index prompt, reply and current rewrite by trigrams, which find Japanese where words are not set apart."""
    db.executescript(
        """
        CREATE VIEW turn_texts AS
            SELECT turns.id AS id, turns.prompt AS prompt, turns.reply AS reply, rewrites.text AS rewrite
            FROM turns LEFT JOIN rewrites ON rewrites.id = turns.rewrite;
        CREATE VIRTUAL TABLE turns_fts USING fts5 (
            prompt, reply, rewrite, content = 'turn_texts', content_rowid = 'id', tokenize = 'trigram'
        );
        INSERT INTO turns_fts (turns_fts) VALUES ('rebuild');
        CREATE TRIGGER turns_fts_insert AFTER INSERT ON turns BEGIN
            INSERT INTO turns_fts (rowid, prompt, reply, rewrite)
                SELECT id, prompt, reply, rewrite FROM turn_texts WHERE id = new.id;
        END;
        CREATE TRIGGER turns_fts_rewrite AFTER UPDATE OF rewrite ON turns WHEN old.rewrite IS NOT new.rewrite BEGIN
            INSERT INTO turns_fts (turns_fts, rowid, prompt, reply, rewrite) VALUES (
                'delete', old.id, old.prompt, old.reply, (SELECT text FROM rewrites WHERE id = old.rewrite)
            );
            INSERT INTO turns_fts (rowid, prompt, reply, rewrite)
                SELECT id, prompt, reply, rewrite FROM turn_texts WHERE id = new.id;
        END;
        """
    )
