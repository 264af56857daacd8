// Centrifuge with its memory engine, after the library's JWT example: clients are subscribed by the server to the
// rooms of their token and publish into them. No history: nothing is stored.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/centrifugal/centrifuge"

	"../token"
)

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
	config := centrifuge.DefaultConfig
	config.LogLevel = centrifuge.LogLevelError
	config.LogHandler = func(entry centrifuge.LogEntry) { log.Println(entry.Message, entry.Fields) }
	node, err := centrifuge.New(config)
	if err != nil {
		return err
	}
	node.OnConnecting(connecting(secret))
	node.OnConnect(connected)
	if err := node.Run(); err != nil {
		return err
	}
	http.Handle("/connection/websocket", centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{
		ReadBufferSize:     1024,
		UseWriteBufferPool: true,
	}))
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		return err
	}
	go endOnSignal(node)
	fmt.Println("listening")
	return http.Serve(listener, nil)
}

func connecting(secret []byte) centrifuge.ConnectingHandler {
	return func(_ context.Context, event centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		claims, err := token.Verify(secret, event.Token)
		if err != nil {
			return centrifuge.ConnectReply{}, centrifuge.DisconnectInvalidToken
		}
		subscriptions := make(map[string]centrifuge.SubscribeOptions, len(claims.Rooms))
		for _, room := range claims.Rooms {
			subscriptions[room] = centrifuge.SubscribeOptions{}
		}
		return centrifuge.ConnectReply{
			Credentials:   &centrifuge.Credentials{UserID: claims.User, ExpireAt: claims.Expires},
			Subscriptions: subscriptions,
		}, nil
	}
}

func connected(client *centrifuge.Client) {
	client.OnPublish(func(event centrifuge.PublishEvent, done centrifuge.PublishCallback) {
		if !client.IsSubscribed(event.Channel) {
			done(centrifuge.PublishReply{}, centrifuge.ErrorPermissionDenied)
			return
		}
		done(centrifuge.PublishReply{}, nil)
	})
}

func endOnSignal(node *centrifuge.Node) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	<-signals
	_ = node.Shutdown(context.Background())
	os.Exit(0)
}
