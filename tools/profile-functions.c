/* SPDX-License-Identifier: MIT */
/* An index of the Profile's own array: what is known is found without a scan. */
#include "tools/profile-functions.h"

#include "tools/seqtable.h"

struct _ProfileFunctions {
	Profile *profile;
	Seqtable index;			/* of its functions */
};

G_STATIC_ASSERT(sizeof(ProfileFunction) ==
		4 * sizeof(guint32));	/* compared byte by byte */

ProfileFunctions *profile_functions_new(Profile *p)
{
	ProfileFunctions *f = g_new0(ProfileFunctions, 1);

	f->profile = p;
	seqtable_init(&f->index, p->functions);
	for (guint i = 0; i < p->functions->len; i++)
		seqtable_adopt(&f->index, i, 1);
	return f;
}

void profile_functions_free(ProfileFunctions *f)
{
	if (!f)
		return;
	seqtable_release(&f->index);
	g_free(f);
}

guint32 profile_functions_add(ProfileFunctions *f,
			      const ProfileFunction *function)
{
	return seqtable_intern(&f->index, function, 1);
}
