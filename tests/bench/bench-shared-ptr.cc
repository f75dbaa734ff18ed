/* SPDX-License-Identifier: MIT */
/*
 * Copies of a std::shared_ptr in a program of one thread, where libstdc++
 * counts without atomic instructions; prints nanoseconds a copy.
 */
#include "tests/programs/truth.h"

#include <memory>

static const int copies = 100000000;

NOINLINE void copy_all(const std::shared_ptr<int> &from)
{
	for (int i = 0; i < copies; i++) {
		std::shared_ptr<int> to = from;

		__asm__ volatile("" : : "r"(to.get()) : "memory");
	}
}

int main()
{
	auto pointer = std::make_shared<int>(1);
	uint64_t begin = truth_thread_ns();

	copy_all(pointer);
	printf("%.4f\n", (double)(truth_thread_ns() - begin) / copies);
	return 0;
}
