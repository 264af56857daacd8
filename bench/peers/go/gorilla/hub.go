package main

import "encoding/json"

// hub knows who is in which room. As in the chat example of gorilla/websocket, one goroutine owns the rooms and
// everyone talks to it over channels; a client whose queue is full is dropped.
type hub struct {
	rooms      map[string]map[*client]bool
	register   chan *client
	unregister chan *client
	broadcast  chan broadcast
}

// broadcast is a message for a room, and the ack for its sender, which follows it.
type broadcast struct {
	room    string
	message []byte
	sender  *client
	ack     []byte
}

func newHub() *hub {
	return &hub{
		rooms:      make(map[string]map[*client]bool),
		register:   make(chan *client),
		unregister: make(chan *client),
		broadcast:  make(chan broadcast, 256),
	}
}

func (h *hub) run() {
	for {
		select {
		case c := <-h.register:
			for _, room := range c.rooms {
				if h.rooms[room] == nil {
					h.rooms[room] = make(map[*client]bool)
				}
				h.rooms[room][c] = true
			}
			h.queue(c, mustEncode(reply{Type: "ready", User: c.user}))
		case c := <-h.unregister:
			h.drop(c)
		case b := <-h.broadcast:
			if b.message != nil {
				for c := range h.rooms[b.room] {
					h.queue(c, b.message)
				}
			}
			h.queue(b.sender, b.ack)
		}
	}
}

func (h *hub) queue(c *client, text []byte) {
	if c.gone {
		return
	}
	select {
	case c.send <- text:
	default:
		h.drop(c)
	}
}

func (h *hub) drop(c *client) {
	if c.gone {
		return
	}
	c.gone = true
	for _, room := range c.rooms {
		delete(h.rooms[room], c)
		if len(h.rooms[room]) == 0 {
			delete(h.rooms, room)
		}
	}
	close(c.send)
}

// reply is every frame from the server; what does not belong to its type is left out.
type reply struct {
	Type   string `json:"type"`
	User   string `json:"user,omitempty"`
	Room   string `json:"room,omitempty"`
	Seq    int64  `json:"seq,omitempty"`
	Sender string `json:"sender,omitempty"`
	Ref    string `json:"ref,omitempty"`
	Text   string `json:"text,omitempty"`
	Reason string `json:"reason,omitempty"`
}

func mustEncode(r reply) []byte {
	text, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	return text
}
