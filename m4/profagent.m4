dnl SPDX-License-Identifier: MIT

dnl PROFAGENT_WARNINGS: WARN_CFLAGS, and --enable-werror.
AC_DEFUN([PROFAGENT_WARNINGS], [
AC_ARG_ENABLE([werror],
	[AS_HELP_STRING([--enable-werror], [let warnings fail the build])],
	[], [enable_werror=no])
WARN_BOTH="-Wall -Wextra -Wshadow -Wpointer-arith -Wvla"
WARN_CFLAGS="$WARN_BOTH -Wstrict-prototypes -Wmissing-prototypes"
WARN_CFLAGS="$WARN_CFLAGS -Wold-style-definition"
WARN_CFLAGS="$WARN_CFLAGS -Wno-missing-field-initializers"
AS_IF([test "x$enable_werror" = xyes],
      [WARN_CFLAGS="$WARN_CFLAGS -Werror"])
AC_SUBST([WARN_CFLAGS])
])

dnl PROFAGENT_SANITIZERS: SANITIZE_CFLAGS for the unit tests and the objects
dnl they link. A sanitized library cannot be preloaded into programs that are
dnl not, so such a build makes the tests and the command, not the agent.
AC_DEFUN([PROFAGENT_SANITIZERS], [
AC_ARG_ENABLE([sanitizers],
	[AS_HELP_STRING([--enable-sanitizers=LIST],
		[build the unit tests with -fsanitize=LIST, such as
		 address,undefined or thread, and leave the agent out])],
	[], [enable_sanitizers=no])
SANITIZE_CFLAGS=
AS_CASE([$enable_sanitizers],
	[no], [],
	[yes], [enable_sanitizers=address,undefined])
AS_IF([test "x$enable_sanitizers" != xno], [
	SANITIZE_CFLAGS="-fsanitize=$enable_sanitizers -fno-sanitize-recover=all"
	profagent_saved=$CFLAGS
	CFLAGS="$CFLAGS $SANITIZE_CFLAGS"
	AC_MSG_CHECKING([whether $CC links with -fsanitize=$enable_sanitizers])
	AC_LINK_IFELSE([AC_LANG_PROGRAM()],
		[AC_MSG_RESULT([yes])],
		[AC_MSG_RESULT([no])
		 AC_MSG_ERROR([--enable-sanitizers=$enable_sanitizers: $CC cannot link that; valid: address,undefined or thread])])
	CFLAGS=$profagent_saved
	# TSan does not understand fences; what they order has to be ordered
	# by an atomic access as well wherever two threads of a test meet.
	AS_CASE([$enable_sanitizers], [*thread*],
		[SANITIZE_CFLAGS="$SANITIZE_CFLAGS -Wno-tsan"])
])
AC_SUBST([SANITIZE_CFLAGS])
AM_CONDITIONAL([SANITIZE], [test "x$enable_sanitizers" != xno])
])

dnl PROFAGENT_MISSING(PACKAGE): remembers a Debian package, once.
AC_DEFUN([PROFAGENT_MISSING], [
AS_CASE([" $profagent_missing "],
	[*" $1 "*], [],
	[profagent_missing="$profagent_missing $1"])
])

dnl PROFAGENT_REQUIRE(VARIABLE, MODULES, PACKAGE)
AC_DEFUN([PROFAGENT_REQUIRE], [
PKG_CHECK_MODULES([$1], [$2],
	[PROFAGENT_NOTE([m4_bpatsubst([$2], [ .*])],
			[`$PKG_CONFIG --modversion m4_bpatsubst([$2], [ .*])`])],
	[PROFAGENT_MISSING([$3])])
])

AC_DEFUN([PROFAGENT_FAIL_IF_MISSING], [
AS_IF([test -n "$profagent_missing"],
	[AC_MSG_ERROR([the profagent command needs packages that are not installed: apt-get install$profagent_missing (or --disable-tools for the agent alone)])])
])

dnl PROFAGENT_OPTIONAL(NAME, VARIABLE, MODULES, PACKAGE, WHAT FOR)
dnl --with-NAME=yes|no|check; conditional and define HAVE_VARIABLE.
AC_DEFUN([PROFAGENT_OPTIONAL], [
AC_ARG_WITH([$1],
	[AS_HELP_STRING([--with-$1=yes|no|check], [$5 @<:@check@:>@])],
	[], [with_[]m4_translit([$1], [-], [_])=check])
profagent_have=no
AS_IF([test "x$with_[]m4_translit([$1], [-], [_])" != xno], [
	PKG_CHECK_MODULES([$2], [$3], [profagent_have=yes], [
		AS_IF([test "x$with_[]m4_translit([$1], [-], [_])" = xyes],
		      [AC_MSG_ERROR([--with-$1: not found: apt-get install $4])])
	])
])
AM_CONDITIONAL([HAVE_$2], [test $profagent_have = yes])
AS_IF([test $profagent_have = yes], [
	AC_DEFINE([HAVE_$2], [1], [Define to 1 for $5.])
	PROFAGENT_NOTE([$1], [`$PKG_CONFIG --modversion m4_bpatsubst([$3], [ .*])`])
], [test "x$with_[]m4_translit([$1], [-], [_])" = xno], [
	PROFAGENT_NOTE([$1], [no (asked so): no $5])
], [
	PROFAGENT_NOTE([$1], [no: no $5; apt-get install $4])
])
])

dnl PROFAGENT_LIBIBERTY: the demangler has no pkg-config file.
AC_DEFUN([PROFAGENT_LIBIBERTY], [
AC_ARG_WITH([libiberty],
	[AS_HELP_STRING([--with-libiberty=yes|no|check],
		[demangled C++ and Rust names @<:@check@:>@])],
	[], [with_libiberty=check])
profagent_have=no
IBERTY_LIBS=
AM_COND_IF([TOOLS], [AS_IF([test "x$with_libiberty" != xno], [
	AC_CHECK_HEADER([libiberty/demangle.h],
		[AC_CHECK_LIB([iberty], [cplus_demangle],
			      [profagent_have=yes])])
	AS_IF([test "$profagent_have $with_libiberty" = "no yes"],
	      [AC_MSG_ERROR([--with-libiberty: not found: apt-get install libiberty-dev])])
])])
AS_IF([test $profagent_have = yes], [
	IBERTY_LIBS=-liberty
	AC_DEFINE([HAVE_LIBIBERTY], [1],
		  [Define to 1 for demangled C++ and Rust names.])
	PROFAGENT_NOTE([libiberty], [yes])
], [
	PROFAGENT_NOTE([libiberty],
		[no: C++ and Rust names stay mangled; apt-get install libiberty-dev])
])
AC_SUBST([IBERTY_LIBS])
AM_CONDITIONAL([HAVE_LIBIBERTY], [test $profagent_have = yes])
])

dnl PROFAGENT_NOTE(NAME, TEXT): a line of the closing summary.
AC_DEFUN([PROFAGENT_NOTE], [
profagent_line="$2"
profagent_summary="$profagent_summary
    `printf '%-16s' $1` $profagent_line"
])

AC_DEFUN([PROFAGENT_SUMMARY], [
AC_MSG_NOTICE([
profagent $PACKAGE_VERSION for $host
    prefix           $prefix
    compiler         $CC $CFLAGS
    sanitizers       $enable_sanitizers
    werror           $enable_werror
    command          $enable_tools$profagent_summary
])
])
