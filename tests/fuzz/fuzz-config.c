/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer target: any environment. The input is the variables' values, one a
 * line; a line NAME=VALUE is PROFAGENT_NAME.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config.h"

#define VARIABLES 64
#define PREFIX "PROFAGENT_"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config config;
	struct config_error err = { 0 };
	char *envp[VARIABLES + 1] = { NULL };
	size_t used = 0;

	for (unsigned n = 0; n < VARIABLES && used < size; n++) {
		const uint8_t *end = memchr(data + used, '\n', size - used);
		size_t length = end ? (size_t)(end - data) - used :
				      size - used;

		envp[n] = malloc(sizeof(PREFIX) + length);
		memcpy(envp[n], PREFIX, sizeof(PREFIX) - 1);
		memcpy(envp[n] + sizeof(PREFIX) - 1, data + used, length);
		envp[n][sizeof(PREFIX) - 1 + length] = '\0';
		used += length + 1;
	}
	memset(&config, 0, sizeof(config));
	if (config_read(&config, envp, &err) == 0 &&
	    !memchr(config.output, '\0', sizeof(config.output)))
		abort();
	for (unsigned n = 0; envp[n]; n++)
		free(envp[n]);
	return 0;
}
