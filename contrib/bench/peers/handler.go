// SPDX-License-Identifier: MIT

// What Go's standard library can do: net/http/fcgi on a unix socket, or net/http on an address.
//
//	handler fcgi SOCKET FILE FLAG | handler http ADDRESS FILE FLAG
//
// While FLAG exists each request is held with a 503 and the file's bytes; else it is passed with an empty 200.
package main

import (
	"log"
	"net"
	"net/http"
	"net/http/fcgi"
	"os"
)

func main() {
	kind, address, flag := os.Args[1], os.Args[2], os.Args[4]
	page, err := os.ReadFile(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := os.Stat(flag); err != nil {
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Retry-After", "3600")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write(page)
	})
	if kind == "http" {
		log.Fatal(http.ListenAndServe(address, handler))
	}
	_ = os.Remove(address)
	listener, err := net.Listen("unix", address)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(fcgi.Serve(listener, handler))
}
