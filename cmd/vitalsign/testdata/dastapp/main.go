// Command dastapp is a small application for tests of scans: it comes up after a
// while, starts a process of its own, and has one flaw.
package main

import (
	"flag"
	"fmt"
	"html"
	"log"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"time"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "where to listen")
	delay := flag.Duration("delay", 300*time.Millisecond, "time before it listens")
	pids := flag.String("pids", "", "file for the ids of its processes")
	crash := flag.Bool("crash", false, "end at once")
	seed := flag.String("seed", "", "fill the application at this address, and end")
	token := flag.String("token", "", "what lets somebody in")
	flag.Parse()
	switch {
	case *crash:
		log.Fatal("no database")
	case *seed != "":
		resp, err := http.Post("http://"+*seed+"/seed", "text/plain", nil)
		if err != nil || resp.StatusCode != http.StatusNoContent {
			log.Fatal("not filled: ", err)
		}
		return
	}
	if *pids != "" {
		helper := exec.Command("sleep", "600")
		if err := helper.Start(); err != nil {
			log.Fatal(err)
		}
		text := strconv.Itoa(os.Getpid()) + " " + strconv.Itoa(helper.Process.Pid)
		if err := os.WriteFile(*pids, []byte(text), 0o600); err != nil {
			log.Fatal(err)
		}
	}
	time.Sleep(*delay)
	filled := false
	mux := http.NewServeMux()
	mux.HandleFunc("GET /up", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("POST /seed", func(w http.ResponseWriter, _ *http.Request) {
		filled = true
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if *token != "" && r.Header.Get("Authorization") != "Bearer "+*token {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		if filled {
			fmt.Fprint(w, `<a href="/hello?name=you">hello</a>`)
		}
		fmt.Fprint(w, `<a href="/safe?name=you">safe</a>`)
	})
	mux.HandleFunc("GET /hello", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<p>hello %s</p>", r.FormValue("name"))
	})
	mux.HandleFunc("GET /safe", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<p>hello %s</p>", html.EscapeString(r.FormValue("name")))
	})
	fmt.Println("listening on", *addr)
	log.Fatal(http.ListenAndServe(*addr, mux))
}
