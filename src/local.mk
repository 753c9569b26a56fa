# The folders in their order: see src/README.md.
noinst_LIBRARIES += libwarden.a
bin_PROGRAMS += maintenance-warden wardenctl

PAGES = www/page.html www/page.de.html www/page.json www/page.de.json www/page.txt www/page.de.txt

WARDEN_SOURCES = \
	src/base/arena.c src/base/arena.h src/base/buffer.c src/base/buffer.h src/base/civil.c src/base/civil.h \
	src/base/child.c src/base/child.h src/base/clock.c src/base/clock.h src/base/file.c src/base/file.h src/base/ini.c src/base/ini.h \
	src/base/ip.c src/base/ip.h src/base/json_memory.c src/base/json_memory.h \
	src/base/now.c src/base/problem.c src/base/problem.h src/base/secret.c \
	src/base/secret.h src/base/str.c src/base/str.h src/base/table.c src/base/table.h src/base/utf8.c src/base/utf8.h src/base/zone.c src/base/zone.h \
	src/state/condition.c src/state/condition.h src/state/flag.c src/state/flag.h \
	src/state/recurrence.c src/state/recurrence.h src/state/ticket.c src/state/ticket.h src/state/window.c \
	src/state/window.h \
	src/rules/cidr.c src/rules/cidr.h src/rules/host.c src/rules/host.h src/rules/method.c src/rules/method.h \
	src/rules/path.c src/rules/path.h src/rules/rules.h src/rules/share.c src/rules/share.h \
	src/gate/client.c src/gate/client.h src/gate/decide.c src/gate/decide.h src/gate/offer.c src/gate/offer.h \
	src/gate/reasons.def \
	src/gate/request.c src/gate/request.h src/gate/verdict.c src/gate/verdict.h \
	src/answer/answer.c src/answer/answer.h src/answer/builtin.c src/answer/builtin.h src/answer/handback.c \
	src/answer/handback.h src/answer/negotiate.c src/answer/negotiate.h src/answer/page.c src/answer/page.h \
	src/answer/reply.c src/answer/reply.h src/answer/status.c src/answer/status.h src/answer/timing.c \
	src/answer/timing.h \
	src/policy/compile.c src/policy/compile_site.c src/policy/compile_site.h src/policy/compile_windows.c \
	src/policy/compile_windows.h src/policy/compile_gate.c src/policy/compile_gate.h src/policy/planning.c \
	src/policy/planning.h src/policy/keys.c src/policy/keys.def src/policy/suspects.c src/policy/suspects.h \
	src/policy/keys.h src/policy/pages.c src/policy/pages.h src/policy/policy.h src/policy/site.c \
	src/policy/decision.c src/policy/decision.h src/policy/store.c src/policy/store.h src/policy/values.c src/policy/values.h \
	src/record/counters.c src/record/counters.h \
	src/record/metrics.c src/record/metrics.h \
	src/record/decisions.c src/record/decisions.h src/record/journal.c src/record/journal.h \
	src/record/journal_chain.c src/record/journal_chain.h src/record/log.c src/record/log.h \
	src/front/cgi.c src/front/cgi.h src/front/cgi_env.c src/front/cgi_env.h src/front/cgi_head.c \
	src/front/cgi_head.h src/front/daemon.c src/front/daemon.h src/front/fcgi.h \
	src/front/rewritemap.c src/front/rewritemap.h \
	src/front/fcgi_look.c src/front/fcgi_look.h src/front/fcgi_request.c src/front/fcgi_request.h \
	src/front/control.c src/front/control.h src/front/control_action.c src/front/control_action.h \
	src/front/control_tokens.c src/front/control_tokens.h \
	src/front/forward.c src/front/forward.h src/front/http.h src/front/http_request.c src/front/http_request.h \
	src/front/limits.c src/front/limits.h src/front/supervise.c src/front/supervise.h \
	src/front/linger.c src/front/linger.h \
	src/front/listener.c src/front/listener.h src/front/serve.c src/front/serve.h \
	src/upkeep/gate_file.c src/upkeep/gate_file.h src/upkeep/upkeep.c src/upkeep/upkeep.h

libwarden_a_SOURCES = $(WARDEN_SOURCES)
if PLAIN_FCGI
libwarden_a_SOURCES += src/front/fcgi_plain.c
else
libwarden_a_SOURCES += src/front/fcgi.c src/front/fcgi_connections.c src/front/fcgi_connections.h \
	src/front/fcgi_crew.c src/front/fcgi_crew.h
endif
if HTTP
libwarden_a_SOURCES += src/front/http.c src/front/http_response.c src/front/http_response.h
else
libwarden_a_SOURCES += src/front/http_none.c
endif
if HTTP_WITHOUT_TLS
noinst_LIBRARIES += libno_tls.a
libno_tls_a_SOURCES = src/front/no_tls.c
NO_TLS = libno_tls.a
endif
nodist_libwarden_a_SOURCES = src/answer/builtin_files.c
maintenance_warden_SOURCES = src/warden.c
maintenance_warden_LDADD = libwarden.a $(HTTP_LIBS) $(NO_TLS)

wardenctl_SOURCES = src/wardenctl.c src/ctl/asked.c src/ctl/asked.h src/ctl/bypass.c src/ctl/change.c \
	src/ctl/check.c src/ctl/check_files.c src/ctl/check_files.h src/ctl/check_pages.c \
	src/ctl/commands.c src/ctl/commands.h src/ctl/ctl.c src/ctl/ctl.h src/ctl/explain.c \
	src/ctl/explain_words.c src/ctl/explain_words.h src/ctl/hooks.c \
	src/ctl/doctor.c src/ctl/doctor.h src/ctl/doctor_answer.c src/ctl/doctor_bypass.c src/ctl/doctor_forge.c \
	src/ctl/probe.c src/ctl/probe.h \
	src/ctl/hooks.h src/ctl/ical.c src/ctl/journal.c src/ctl/options.c src/ctl/past.c src/ctl/past.h \
	src/ctl/plan.c src/ctl/render.c src/ctl/report.c src/ctl/report_book.c \
	src/ctl/report_book.h src/ctl/run.c src/ctl/schedule.c src/ctl/schedule.h \
	src/ctl/snippet.c src/ctl/snippet.h src/ctl/snippet_caddy.c src/ctl/snippet_haproxy.c \
	src/ctl/snippet_nginx.c src/ctl/snippet_nginx.h \
	src/ctl/snippet_nginx_http.c src/ctl/snippet_nginx_native.c src/ctl/snippet_traefik.c \
	src/ctl/rewrite_gate.c src/ctl/rewrite_gate.h src/ctl/rewrite_rules.c src/ctl/rewrite_rules.h \
	src/ctl/snippet_apache.c \
	src/ctl/snippet_lighttpd.c src/ctl/snippet_lua.h \
	src/ctl/snippet_policy.c src/ctl/standing.c src/ctl/standing.h src/ctl/status.c src/ctl/switch.c src/ctl/switch.h src/ctl/tick.c \
	src/ctl/ticket.c src/ctl/tickets.h
nodist_wardenctl_SOURCES = src/ctl/snippet_lua.c
wardenctl_LDADD = libwarden.a $(ICAL_LIBS)

# The Lua of lighttpd's gates as C strings, a line a line.
LIGHTTPD_LUA = $(srcdir)/src/ctl/lighttpd_flags.lua $(srcdir)/src/ctl/lighttpd_gate.lua $(srcdir)/src/ctl/lighttpd_ask.lua
EXTRA_DIST += src/ctl/lighttpd_flags.lua src/ctl/lighttpd_gate.lua src/ctl/lighttpd_ask.lua
CLEANFILES += src/ctl/snippet_lua.c
src/ctl/snippet_lua.c: $(LIGHTTPD_LUA)
	$(AM_V_GEN)$(MKDIR_P) src/ctl && { echo '/* Made from lighttpd_*.lua. */' && \
		echo '#include "config.h"' && echo '#include "ctl/snippet_lua.h"' && for lua in $(LIGHTTPD_LUA); do \
		echo "const char snippet_$$(basename $$lua .lua)[] =" && \
		sed 's/\\/\\\\/g; s/"/\\"/g; s/^/"/; s/$$/\\n"/' $$lua && echo ';' || exit 1; done; \
		} > $@.tmp && mv $@.tmp $@

EXTRA_DIST += src/answer/embed.sh src/README.md src/.clang-format
CLEANFILES += src/answer/builtin_files.c

src/answer/builtin_files.c: $(srcdir)/src/answer/embed.sh $(PAGES:%=$(srcdir)/%)
	$(AM_V_GEN)$(MKDIR_P) src/answer && $(SHELL) $(srcdir)/src/answer/embed.sh $(PAGES:%=$(srcdir)/%) > $@.tmp && mv $@.tmp $@

# Manuals; the list of keys comes from the one list of keys.
dist_man_MANS += src/man/maintenance-warden.8 src/man/wardenctl.1
nodist_man_MANS = src/man/warden.ini.5
EXTRA_DIST += src/man/keys.sh src/man/warden.ini.5.in
CLEANFILES += src/man/warden.ini.5

src/man/warden.ini.5: $(srcdir)/src/man/keys.sh $(srcdir)/src/policy/keys.def $(srcdir)/src/man/warden.ini.5.in
	$(AM_V_GEN)$(MKDIR_P) src/man && $(SHELL) $(srcdir)/src/man/keys.sh $(srcdir)/src/policy/keys.def \
	    $(srcdir)/src/man/warden.ini.5.in > $@.tmp && mv $@.tmp $@
