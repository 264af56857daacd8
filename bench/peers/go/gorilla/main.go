// A chat server on gorilla/websocket and SQLite, as the library's chat example with a database would be: a send is
// committed, then goes to the room, then is acked.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/gorilla/websocket"

	"../token"
)

var upgrader = websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 1024}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	secret := []byte(os.Getenv("JWT_SECRET"))
	if len(secret) == 0 {
		return fmt.Errorf("JWT_SECRET is not set")
	}
	store, err := openStore(os.Getenv("DATA_DIR"))
	if err != nil {
		return err
	}
	hub := newHub()
	go hub.run()
	http.HandleFunc("/ws", func(response http.ResponseWriter, request *http.Request) {
		claims, err := token.Verify(secret, request.URL.Query().Get("token"))
		if err != nil {
			http.Error(response, err.Error(), http.StatusUnauthorized)
			return
		}
		conn, err := upgrader.Upgrade(response, request, nil)
		if err != nil {
			return
		}
		client := &client{
			hub: hub, store: store, conn: conn,
			send: make(chan []byte, queueLength),
			user: claims.User, rooms: claims.Rooms,
		}
		hub.register <- client
		go client.writePump()
		go client.readPump()
	})
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		return err
	}
	go endOnSignal(store)
	fmt.Println("listening")
	return http.Serve(listener, nil)
}

func endOnSignal(s *store) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	<-signals
	s.mu.Lock()
	s.db.Close()
	os.Exit(0)
}
