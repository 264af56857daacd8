package main

import (
	"database/sql"
	"errors"
	"path/filepath"
	"sync"
	"time"

	_ "github.com/mattn/go-sqlite3"
)

const schema = `
CREATE TABLE IF NOT EXISTS conversations (id TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
	conversation TEXT NOT NULL,
	seq INTEGER NOT NULL,
	sender TEXT NOT NULL,
	client_id TEXT NOT NULL,
	text TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	PRIMARY KEY (conversation, seq),
	UNIQUE (conversation, sender, client_id)
) WITHOUT ROWID;`

// store keeps messages in SQLite: one transaction a message, synced to the disk before it is acked.
type store struct {
	// SQLite has one writer. Held until the message is announced, so messages are announced in their order.
	mu      sync.Mutex
	db      *sql.DB
	earlier *sql.Stmt
	place   *sql.Stmt
	insert  *sql.Stmt
}

func openStore(folder string) (*store, error) {
	path := filepath.Join(folder, "chat.db")
	db, err := sql.Open("sqlite3", "file:"+path+"?_journal_mode=WAL&_synchronous=FULL&_txlock=immediate&_busy_timeout=5000")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(schema); err != nil {
		return nil, err
	}
	s := &store{db: db}
	for text, statement := range map[string]**sql.Stmt{
		"SELECT seq FROM messages WHERE conversation = ? AND sender = ? AND client_id = ?": &s.earlier,
		`INSERT INTO conversations (id, seq) VALUES (?, 1)
			ON CONFLICT (id) DO UPDATE SET seq = seq + 1 RETURNING seq`: &s.place,
		"INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?)": &s.insert,
	} {
		if *statement, err = db.Prepare(text); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// append commits a message, unless its client id is known, and calls announce with its place before the next message
// can be committed.
func (s *store) append(room, sender, clientID, text string, announce func(seq int64, isNew bool)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	seq, isNew, err := s.commit(room, sender, clientID, text)
	if err != nil {
		return err
	}
	announce(seq, isNew)
	return nil
}

func (s *store) commit(room, sender, clientID, text string) (seq int64, isNew bool, err error) {
	tx, err := s.db.Begin()
	if err != nil {
		return 0, false, err
	}
	defer tx.Rollback()
	err = tx.Stmt(s.earlier).QueryRow(room, sender, clientID).Scan(&seq)
	if !errors.Is(err, sql.ErrNoRows) {
		return seq, false, err
	}
	if err := tx.Stmt(s.place).QueryRow(room).Scan(&seq); err != nil {
		return 0, false, err
	}
	if _, err := tx.Stmt(s.insert).Exec(room, seq, sender, clientID, text, time.Now().UnixMilli()); err != nil {
		return 0, false, err
	}
	return seq, true, tx.Commit()
}
