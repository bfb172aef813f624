"""The schema of corpus.db: an append-only list of migrations, never edited once released."""

from corpus.sqlite import Database, Migrations
from socrates_errors import CorpusError
from socrates_language import marked, tr

MIGRATIONS = Migrations("corpus")

_FOREIGN = marked("{path} is the database of another program: move it away, or name another home with --home.")
_NEWER = marked(
    "{path} was made by a newer Socrates: upgrade Socrates, or move it away, or name another home with --home."
)
_FOREIGN_BACKUP = marked(
    "{path} is the database of another program: choose another backup; `socrates corpus restore` lists them."
)
_NEWER_BACKUP = marked(
    "{path} was made by a newer Socrates: upgrade Socrates, or choose another backup; `socrates corpus restore` lists "
    "them."
)


def first_pending(db: Database, name: str, *, backup: bool = False) -> str | None:
    """Return the first migration that the database ``name``, which may be a ``backup``, lacks; None for none.

    CorpusError, with what to do, where it is another program's or a newer Socrates'.
    """
    # The tables are read first: another process may be migrating this same new file between the two reads.
    tables = db.table_names()
    applied = {migration.name for migration in MIGRATIONS.applied(db)}
    known = [migration.name for migration in MIGRATIONS.pending(Database(memory=True, execute_plugins=False))]
    if tables and not applied:
        raise CorpusError(tr(_FOREIGN_BACKUP if backup else _FOREIGN).format(path=name))
    if applied - set(known):
        raise CorpusError(tr(_NEWER_BACKUP if backup else _NEWER).format(path=name))
    return next((migration for migration in known if migration not in applied), None)


@MIGRATIONS(name="0001_conversations_turns_rewrites_acts")
def _conversations_turns_rewrites_acts(db: Database) -> None:
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
def _full_text_search(db: Database) -> None:
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


@MIGRATIONS(name="0003_tags_notes_journal_of_everything")
def _tags_notes_journal_of_everything(db: Database) -> None:
    """Give turns tags and a note, journal every act by the rows it changes, and make short words findable.

    Each text is indexed with two line feeds behind it, so that each of its characters begins a trigram.
    """
    db.executescript(
        """
        ALTER TABLE turns ADD COLUMN tags TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(tags));
        ALTER TABLE turns ADD COLUMN note TEXT NOT NULL DEFAULT '';
        ALTER TABLE turns ADD COLUMN characters INTEGER NOT NULL DEFAULT 0;
        UPDATE turns SET characters = length(coalesce((SELECT text FROM rewrites WHERE id = turns.rewrite), reply));
        CREATE TRIGGER turns_characters AFTER UPDATE OF rewrite ON turns WHEN old.rewrite IS NOT new.rewrite BEGIN
            UPDATE turns SET characters = length(coalesce((SELECT text FROM rewrites WHERE id = new.rewrite), reply))
                WHERE id = new.id;
        END;
        CREATE INDEX turns_filter ON turns (id, verdict, version, conversation, created, characters);
        CREATE INDEX turns_rewrite ON turns (rewrite) WHERE rewrite IS NOT NULL;
        CREATE INDEX conversations_head ON conversations (head);

        CREATE TABLE turn_tags (
            tag TEXT NOT NULL, turn INTEGER NOT NULL REFERENCES turns (id) ON DELETE CASCADE, PRIMARY KEY (tag, turn)
        ) WITHOUT ROWID;
        CREATE INDEX turn_tags_turn ON turn_tags (turn);
        CREATE TRIGGER turn_tags_insert AFTER INSERT ON turns WHEN new.tags != '[]' BEGIN
            INSERT INTO turn_tags (tag, turn) SELECT value, new.id FROM json_each(new.tags);
        END;
        CREATE TRIGGER turn_tags_update AFTER UPDATE OF tags ON turns BEGIN
            DELETE FROM turn_tags WHERE turn = new.id;
            INSERT INTO turn_tags (tag, turn) SELECT value, new.id FROM json_each(new.tags);
        END;

        DROP INDEX acts_state;
        ALTER TABLE acts RENAME TO acts_on_verdicts;
        CREATE TABLE acts (
            id INTEGER PRIMARY KEY,
            kind TEXT NOT NULL,
            created TEXT NOT NULL,
            moved TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('done', 'undone', 'abandoned'))
        );
        CREATE INDEX acts_state ON acts (state);
        CREATE INDEX acts_moved ON acts (moved);
        CREATE TABLE changes (
            act INTEGER NOT NULL REFERENCES acts (id) ON DELETE CASCADE,
            subject TEXT NOT NULL CHECK (subject IN ('turns', 'conversations')),
            id INTEGER NOT NULL,
            before TEXT NOT NULL,
            after TEXT NOT NULL,
            PRIMARY KEY (act, subject, id)
        ) WITHOUT ROWID;
        CREATE INDEX changes_row ON changes (subject, id);
        INSERT INTO acts SELECT id, kind, created, created, state FROM acts_on_verdicts;
        INSERT INTO changes
            SELECT acts_on_verdicts.id, 'turns', json_extract(change.value, '$.turn'),
                json_extract(change.value, '$.before'), json_extract(change.value, '$.after')
            FROM acts_on_verdicts, json_each(acts_on_verdicts.changes) AS change;
        DROP TABLE acts_on_verdicts;

        DROP TRIGGER turns_fts_insert;
        DROP TRIGGER turns_fts_rewrite;
        DROP TABLE turns_fts;
        DROP VIEW turn_texts;
        CREATE VIEW turn_texts AS
            SELECT turns.id AS id, turns.prompt || char(10, 10) AS prompt, turns.reply || char(10, 10) AS reply,
                rewrites.text || char(10, 10) AS rewrite
            FROM turns LEFT JOIN rewrites ON rewrites.id = turns.rewrite;
        CREATE VIRTUAL TABLE turns_fts USING fts5 (
            prompt, reply, rewrite, content = 'turn_texts', content_rowid = 'id', tokenize = 'trigram'
        );
        INSERT INTO turns_fts (turns_fts) VALUES ('rebuild');
        CREATE VIRTUAL TABLE turns_trigrams USING fts5vocab ('turns_fts', 'row');
        CREATE TRIGGER turns_fts_insert AFTER INSERT ON turns BEGIN
            INSERT INTO turns_fts (rowid, prompt, reply, rewrite)
                SELECT id, prompt, reply, rewrite FROM turn_texts WHERE id = new.id;
        END;
        CREATE TRIGGER turns_fts_rewrite AFTER UPDATE OF rewrite ON turns WHEN old.rewrite IS NOT new.rewrite BEGIN
            INSERT INTO turns_fts (turns_fts, rowid, prompt, reply, rewrite) VALUES (
                'delete', old.id, old.prompt || char(10, 10), old.reply || char(10, 10),
                (SELECT text || char(10, 10) FROM rewrites WHERE id = old.rewrite)
            );
            INSERT INTO turns_fts (rowid, prompt, reply, rewrite)
                SELECT id, prompt, reply, rewrite FROM turn_texts WHERE id = new.id;
        END;
        CREATE TRIGGER turns_fts_delete BEFORE DELETE ON turns BEGIN
            INSERT INTO turns_fts (turns_fts, rowid, prompt, reply, rewrite) VALUES (
                'delete', old.id, old.prompt || char(10, 10), old.reply || char(10, 10),
                (SELECT text || char(10, 10) FROM rewrites WHERE id = old.rewrite)
            );
        END;
        """
    )


@MIGRATIONS(name="0004_openings")
def _openings(db: Database) -> None:
    """Keep the MinHash bands of each conversation's first prompts, by which a new one finds its side; none moves."""
    from corpus.openings import note_anew  # it stands on corpus.database, which stands on this

    db.executescript(
        """
        CREATE TABLE openings (
            band INTEGER NOT NULL, conversation INTEGER NOT NULL, PRIMARY KEY (band, conversation)
        ) WITHOUT ROWID;
        CREATE INDEX openings_conversation ON openings (conversation);
        CREATE TRIGGER openings_delete AFTER DELETE ON conversations BEGIN
            DELETE FROM openings WHERE conversation = old.id;
        END;
        """
    )
    for (conversation,) in db.execute("SELECT id FROM conversations ORDER BY id").fetchall():
        note_anew(db, conversation)


@MIGRATIONS(name="0005_archived_conversations")
def _archived_conversations(db: Database) -> None:
    """Let conversations be out of sight; what was said and taught in them counts as before."""
    db.execute("ALTER TABLE conversations ADD COLUMN archived INTEGER NOT NULL DEFAULT 0 CHECK (archived IN (0, 1))")


@MIGRATIONS(name="0006_picks")
def _picks(db: Database) -> None:
    """Keep which of two versions' replies was the better, as an act that the journal can take back."""
    db.executescript(
        """
        CREATE TABLE picks (
            id INTEGER PRIMARY KEY,
            turn INTEGER REFERENCES turns (id),
            split TEXT NOT NULL CHECK (split IN ('train', 'held-out')),
            system TEXT NOT NULL,
            prompt TEXT NOT NULL,
            base TEXT NOT NULL,
            left_version TEXT NOT NULL,
            left_reply TEXT NOT NULL,
            right_version TEXT NOT NULL,
            right_reply TEXT NOT NULL,
            chosen TEXT NOT NULL CHECK (chosen IN ('left', 'right', 'neither')),
            seed INTEGER NOT NULL,
            counts INTEGER NOT NULL DEFAULT 0 CHECK (counts IN (0, 1)),
            created TEXT NOT NULL
        );
        CREATE INDEX picks_turn ON picks (turn) WHERE turn IS NOT NULL;

        ALTER TABLE changes RENAME TO changes_before_picks;
        CREATE TABLE changes (
            act INTEGER NOT NULL REFERENCES acts (id) ON DELETE CASCADE,
            subject TEXT NOT NULL CHECK (subject IN ('turns', 'conversations', 'picks')),
            id INTEGER NOT NULL,
            before TEXT NOT NULL,
            after TEXT NOT NULL,
            PRIMARY KEY (act, subject, id)
        ) WITHOUT ROWID;
        INSERT INTO changes SELECT * FROM changes_before_picks;
        DROP TABLE changes_before_picks;
        CREATE INDEX changes_row ON changes (subject, id);
        """
    )


@MIGRATIONS(name="0007_pins")
def _pins(db: Database) -> None:
    """Let turns be pinned, and keep what versions answer to the prompts of those."""
    db.executescript(
        """
        ALTER TABLE turns ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1));
        CREATE INDEX turns_pinned ON turns (id) WHERE pinned;
        CREATE TABLE pin_answers (
            id INTEGER PRIMARY KEY,
            turn INTEGER NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
            version TEXT NOT NULL,
            base TEXT NOT NULL,
            reply TEXT NOT NULL,
            kept INTEGER REFERENCES turns (id) ON DELETE SET NULL,
            created TEXT NOT NULL,
            UNIQUE (turn, version, base)
        );
        CREATE INDEX pin_answers_kept ON pin_answers (kept) WHERE kept IS NOT NULL;
        """
    )


@MIGRATIONS(name="0008_losses")
def _losses(db: Database) -> None:
    """Keep the losses of replies under two versions; they go where the context changes that they were computed in."""
    db.executescript(
        """
        CREATE TABLE losses (
            turn INTEGER PRIMARY KEY REFERENCES turns (id) ON DELETE CASCADE,
            base TEXT NOT NULL,
            version TEXT NOT NULL,
            parent TEXT NOT NULL,
            loss REAL NOT NULL,
            parent_loss REAL NOT NULL,
            created TEXT NOT NULL
        );
        CREATE INDEX losses_loss ON losses (base, version, parent, loss);
        CREATE INDEX losses_disagreement ON losses (base, version, parent, abs(loss - parent_loss));
        CREATE TRIGGER losses_turns AFTER UPDATE OF rewrite, verdict ON turns
        WHEN old.rewrite IS NOT new.rewrite OR (old.verdict = 'dropped') != (new.verdict = 'dropped') BEGIN
            DELETE FROM losses WHERE turn IN (
                SELECT id FROM turns WHERE conversation = new.conversation AND id > new.id
            );
        END;
        CREATE TRIGGER losses_system AFTER UPDATE OF system ON conversations WHEN old.system != new.system BEGIN
            DELETE FROM losses WHERE turn IN (SELECT id FROM turns WHERE conversation = new.id);
        END;
        """
    )
