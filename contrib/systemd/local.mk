# Units for systemd, with the paths of this build; installed where ./configure --with-systemdsystemunitdir says.
SYSTEMD_UNITS = contrib/systemd/maintenance-warden.service contrib/systemd/maintenance-warden.socket \
	contrib/systemd/maintenance-warden-tick.service contrib/systemd/maintenance-warden-tick.timer \
	contrib/systemd/maintenance-warden-gate.path
AM_DISTCHECK_CONFIGURE_FLAGS = --with-systemdsystemunitdir='$$dc_install_base/lib/systemd/system'

all-local: $(SYSTEMD_UNITS)
# by hand, as Automake has it for bindir: config.status knows it only as a text of make
$(SYSTEMD_UNITS): Makefile
	@$(MKDIR_P) contrib/systemd
	$(AM_V_GEN)sed -e 's,[@]bindir[@],$(bindir),g' -e 's,[@]wardenconfdir[@],$(wardenconfdir),g' \
	    $(srcdir)/$@.in >$@.new && mv $@.new $@
contrib/systemd/maintenance-warden.service: contrib/systemd/maintenance-warden.service.in
contrib/systemd/maintenance-warden.socket: contrib/systemd/maintenance-warden.socket.in
contrib/systemd/maintenance-warden-tick.service: contrib/systemd/maintenance-warden-tick.service.in
contrib/systemd/maintenance-warden-tick.timer: contrib/systemd/maintenance-warden-tick.timer.in
contrib/systemd/maintenance-warden-gate.path: contrib/systemd/maintenance-warden-gate.path.in
CLEANFILES += $(SYSTEMD_UNITS)

if SYSTEMD
nodist_systemdsystemunit_DATA = $(SYSTEMD_UNITS)
sysusersdir = $(prefix)/lib/sysusers.d
install-data-hook:
	$(MKDIR_P) "$(DESTDIR)$(sysusersdir)"
	$(INSTALL_DATA) $(srcdir)/contrib/systemd/sysusers.conf "$(DESTDIR)$(sysusersdir)/maintenance-warden.conf"
endif
