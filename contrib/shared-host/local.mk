# make shared-host-kit: what a site without shell uploads, as .tar.gz and .zip.  The program in it is built statically,
# from what `make dist` would pack, in kit/ of the build folder.
KIT_STATIC = --enable-static --disable-http --disable-ical

shared-host-kit:
	@$(MKDIR_P) kit/build && \
	{ $(MAKE) $(AM_MAKEFLAGS) -s distdir distdir=kit/source && cd kit/build && \
	    { test -f config.status || ../source/configure -q $(KIT_STATIC) CC='$(CC)' CFLAGS=-O2 LDFLAGS=-s; } && \
	    $(MAKE) -s maintenance-warden; } >kit/log 2>&1 || { cat kit/log >&2; exit 1; }
	@$(PYTHON3) -B $(srcdir)/contrib/shared-host/pack.py --program kit/build/maintenance-warden \
	    --version $(VERSION) --machine `uname -m` --output .
CLEANFILES += maintenance-warden-shared-host-$(VERSION).tar.gz maintenance-warden-shared-host-$(VERSION).zip
clean-local:
	rm -rf kit

check-kit: all
	$(PYTHON3) -B $(srcdir)/tests/kit/run.py --build $(abs_builddir)
.PHONY: shared-host-kit check-kit
