// SPDX-License-Identifier: MIT

// A Go program, linked dynamically because it calls C. Each goroutine has a
// thread of its own and waits in a call that the kernel never restarts, without
// the loops around it that Go's own packages have, between short bursts of work.
// None may ever see EINTR.
// eintr [SECONDS [GOROUTINES]]
package main

/*
#include <stdint.h>

static uint32_t spin_in_c(uint32_t x, int rounds)
{
	for (int i = 0; i < rounds; i++)
		x = x * 1664525u + 1013904223u;
	return x;
}
*/
import "C"

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const waitMs = 3

func inNanosleep() error {
	ts := syscall.Timespec{Nsec: waitMs * 1000000}
	return syscall.Nanosleep(&ts, nil)
}

func inSelect() error {
	tv := syscall.Timeval{Usec: waitMs * 1000}
	_, err := syscall.Select(0, nil, nil, nil, &tv)
	return err
}

func inEpoll() error {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	events := make([]syscall.EpollEvent, 1)
	_, err = syscall.EpollWait(fd, events, waitMs)
	return err
}

type kind struct {
	name          string
	wait          func() error
	rounds, eintr int64
}

var kinds = []*kind{
	{name: "nanosleep", wait: inNanosleep},
	{name: "select", wait: inSelect},
	{name: "epoll_wait", wait: inEpoll},
}

func (k *kind) run(until time.Time) {
	x := C.uint32_t(1)

	runtime.LockOSThread()
	for time.Now().Before(until) {
		x = C.spin_in_c(x, 30000)
		for i := 0; i < 10000; i++ {
			x = x*1664525 + 1013904223
		}
		if k.wait() == syscall.EINTR {
			atomic.AddInt64(&k.eintr, 1)
		}
		atomic.AddInt64(&k.rounds, 1)
	}
}

func argument(n int, otherwise int) int {
	if n < len(os.Args) {
		if v, err := strconv.Atoi(os.Args[n]); err == nil {
			return v
		}
	}
	return otherwise
}

func main() {
	var all sync.WaitGroup
	seconds := time.Duration(argument(1, 4)) * time.Second
	until := time.Now().Add(seconds)

	for i := 0; i < argument(2, 3); i++ {
		all.Add(1)
		go func(k *kind) {
			k.run(until)
			all.Done()
		}(kinds[i%len(kinds)])
	}
	all.Wait()
	for _, k := range kinds {
		how := "waited"
		if k.rounds <= 10 {
			how = "hardly waited"
		}
		fmt.Printf("Go's %-12s %s, EINTR %d\n", k.name, how, k.eintr)
	}
}
