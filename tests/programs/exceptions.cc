/* SPDX-License-Identifier: MIT */
/*
 * Four threads that each throw 250 000 C++ exceptions through three functions
 * as fast as they can, so that the sampler meets the unwinder at work.
 */
#include "tests/programs/truth.h"

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

static std::atomic<long> caught, destroyed;

struct Guard {
	~Guard() { destroyed++; }
};

NOINLINE void thrower(int i)
{
	Guard guard;

	if (i >= 0)
		throw std::runtime_error("number " + std::to_string(i & 7));
}

NOINLINE void between(int i)
{
	Guard guard;

	thrower(i);
	__asm__ volatile("");
}

NOINLINE void catcher(int count)
{
	for (int i = 0; i < count; i++) {
		try {
			between(i);
		} catch (const std::exception &e) {
			caught += e.what()[0] == 'n';
		}
	}
}

int main()
{
	std::vector<std::thread> threads;

	for (int i = 0; i < 4; i++)
		threads.emplace_back(catcher, 250000);
	for (auto &t : threads)
		t.join();
	printf("caught %ld, destroyed %ld\n", caught.load(), destroyed.load());
	puts("expect sampled-share catcher(int) 99 2");
	puts("expect share-at-least thrower(int) 40");
	truth_cpu(4);
	return 0;
}
