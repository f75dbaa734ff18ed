// SPDX-License-Identifier: MIT

// A Go program that is linked dynamically, because it calls C: goroutines on
// several threads, channels, garbage, and half of its time in a C function.
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
	"crypto/sha256"
	"fmt"
	"os"
	"sort"
	"strconv"
)

func hashAll(rounds int) []string {
	var sums []string
	for i := 0; i < rounds; i++ {
		sum := sha256.Sum256([]byte(strconv.Itoa(i)))
		sums = append(sums, fmt.Sprintf("%x", sum))
	}
	sort.Strings(sums)
	return sums
}

func worker(in <-chan int, out chan<- uint32) {
	for n := range in {
		sums := hashAll(16000 + n)
		x := C.spin_in_c(C.uint32_t(len(sums[0])), 6000000)
		out <- uint32(x)
	}
}

func main() {
	in, out := make(chan int), make(chan uint32)
	for i := 0; i < 4; i++ {
		go worker(in, out)
	}
	go func() {
		for i := 0; i < 200; i++ {
			in <- i
		}
		close(in)
	}()
	var sum uint32
	for i := 0; i < 200; i++ {
		sum += <-out
	}
	fmt.Println("sum", sum)
	os.Exit(3)
}
