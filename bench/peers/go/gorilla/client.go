package main

import (
	"encoding/json"
	"log"
	"time"

	"github.com/gorilla/websocket"
)

// The times and sizes of gorilla's chat example; messages may be longer.
const (
	writeWait      = 10 * time.Second
	pongWait       = 60 * time.Second
	pingPeriod     = pongWait * 9 / 10
	maxMessageSize = 64 * 1024
	queueLength    = 256
)

var newline = []byte{'\n'}

// client is one connection: readPump and writePump are its two goroutines.
type client struct {
	hub   *hub
	store *store
	conn  *websocket.Conn
	send  chan []byte
	user  string
	rooms []string
	// Owned by the hub's goroutine: send is closed.
	gone bool
}

// command is what a client may say.
type command struct {
	Type string `json:"type"`
	Ref  string `json:"ref"`
	Room string `json:"room"`
	Text string `json:"text"`
}

func (c *client) readPump() {
	defer func() {
		c.hub.unregister <- c
		c.conn.Close()
	}()
	c.conn.SetReadLimit(maxMessageSize)
	c.conn.SetReadDeadline(time.Now().Add(pongWait))
	c.conn.SetPongHandler(func(string) error { return c.conn.SetReadDeadline(time.Now().Add(pongWait)) })
	for {
		_, text, err := c.conn.ReadMessage()
		if err != nil {
			return
		}
		var said command
		if err := json.Unmarshal(text, &said); err != nil {
			return
		}
		if said.Type == "send" {
			c.append(said)
		}
	}
}

// append commits the message, then hands it and its ack to the hub.
func (c *client) append(said command) {
	if said.Ref == "" || !c.isMember(said.Room) {
		c.refuse(said, "refused")
		return
	}
	err := c.store.append(said.Room, c.user, said.Ref, said.Text, func(seq int64, isNew bool) {
		sent := broadcast{room: said.Room, sender: c, ack: mustEncode(reply{Type: "ack", Ref: said.Ref, Seq: seq})}
		if isNew {
			sent.message = mustEncode(reply{
				Type: "message", Room: said.Room, Seq: seq, Sender: c.user, Ref: said.Ref, Text: said.Text,
			})
		}
		c.hub.broadcast <- sent
	})
	if err != nil {
		log.Print(err)
		c.refuse(said, "internal")
	}
}

func (c *client) refuse(said command, reason string) {
	c.hub.broadcast <- broadcast{
		sender: c,
		ack:    mustEncode(reply{Type: "error", Ref: said.Ref, Reason: reason}),
	}
}

func (c *client) isMember(room string) bool {
	for _, name := range c.rooms {
		if name == room {
			return true
		}
	}
	return false
}

// writePump writes what is queued; what has gathered meanwhile goes into the same frame, one text a line.
func (c *client) writePump() {
	ticker := time.NewTicker(pingPeriod)
	defer func() {
		ticker.Stop()
		c.conn.Close()
	}()
	for {
		select {
		case text, ok := <-c.send:
			c.conn.SetWriteDeadline(time.Now().Add(writeWait))
			if !ok {
				c.conn.WriteMessage(websocket.CloseMessage, []byte{})
				return
			}
			if err := c.writeAll(text); err != nil {
				return
			}
		case <-ticker.C:
			c.conn.SetWriteDeadline(time.Now().Add(writeWait))
			if err := c.conn.WriteMessage(websocket.PingMessage, nil); err != nil {
				return
			}
		}
	}
}

func (c *client) writeAll(text []byte) error {
	writer, err := c.conn.NextWriter(websocket.TextMessage)
	if err != nil {
		return err
	}
	writer.Write(text)
	for waiting := len(c.send); waiting > 0; waiting-- {
		writer.Write(newline)
		writer.Write(<-c.send)
	}
	return writer.Close()
}
