# make check: unit, cases, lint; neither server nor network.  make check-wire: the real servers.
# Each test ends with "N passed, N failed"; contrib/run-tests adds them up.
EXTRA_DIST += tests/README.md tests/coverage tests/lint/folders tests/lint/source tests/lint/documents tests/lint/manuals \
	tests/lint/openapi tests/unit/main.c tests/unit/suites.def tests/unit/missing tests/wire tests/kit tests/systemd \
	tests/hooks tests/control \
	tests/cases/README.md tests/cases/run tests/cases/run_cases.py

AM_TESTS_ENVIRONMENT = srcdir=$(srcdir); export srcdir; builddir=$(builddir); export builddir; \
	PYTHON3=$(PYTHON3); export PYTHON3;
TESTS = tests/lint/folders tests/lint/source tests/lint/documents tests/lint/manuals tests/lint/openapi

# The gateway with a clock that the tests set, and without any transport.
check_PROGRAMS += tests/cases/warden-at tests/cases/serve-each
tests_cases_warden_at_SOURCES = src/warden.c tests/cases/now_fixed.c
tests_cases_warden_at_LDADD = libwarden.a $(HTTP_LIBS) $(NO_TLS)
tests_cases_serve_each_SOURCES = tests/cases/serve-each.c tests/cases/now_fixed.c
tests_cases_serve_each_LDADD = libwarden.a
TESTS += tests/cases/run

# The same by the thousand, for tests/fault/test_model.py and test_clock.py.
check_PROGRAMS += tests/fault/decide
tests_fault_decide_SOURCES = tests/fault/decide.c
tests_fault_decide_LDADD = libwarden.a

# The operator's command; the tests that take minutes are make check-stress.
TESTS += tests/ctl/run
EXTRA_DIST += tests/ctl/run tests/ctl/harness.py tests/ctl/test_check.py tests/ctl/test_explain.py \
	tests/ctl/test_gate_file.py \
	tests/ctl/test_doctor.py tests/ctl/test_journal.py tests/ctl/test_schedule.py tests/ctl/test_snippet.py \
	tests/ctl/test_stress.py tests/ctl/test_switch.py

# Windows against an independent model and libical.
check_PROGRAMS += tests/oracle/occurrences
tests_oracle_occurrences_SOURCES = tests/oracle/occurrences.c
tests_oracle_occurrences_LDADD = libwarden.a $(ICAL_LIBS)
TESTS += tests/oracle/run
EXTRA_DIST += tests/oracle/run tests/oracle/windows.py

UNIT_SOURCES = \
	tests/unit/main.c tests/unit/suites.def tests/unit/support.c tests/unit/support.h tests/unit/test_answer.c \
	tests/unit/test_arena.c tests/unit/test_buffer.c tests/unit/test_builtin.c tests/unit/test_cgi.c \
	tests/unit/test_cgi_env.c tests/unit/test_cgi_head.c tests/unit/test_cidr.c tests/unit/test_client.c \
	tests/unit/test_clock.c tests/unit/test_compile.c tests/unit/test_condition.c tests/unit/test_decide.c \
	tests/unit/test_decisions.c tests/unit/test_file.c tests/unit/test_flag.c tests/unit/test_forward.c tests/unit/test_handback.c \
	tests/unit/test_linger.c \
	tests/unit/test_host.c tests/unit/test_ini.c tests/unit/test_ip.c tests/unit/test_counters.c \
	tests/unit/test_journal.c tests/unit/test_keys.c tests/unit/test_offer.c tests/unit/test_planning.c \
	tests/unit/test_recurrence.c tests/unit/test_ticket.c tests/unit/test_window.c \
	tests/unit/test_fcgi_connections.c tests/unit/test_fcgi_look.c tests/unit/test_fcgi_request.c \
	tests/unit/test_limits.c tests/unit/test_listener.c \
	tests/unit/test_supervise.c tests/unit/test_log.c tests/unit/test_method.c tests/unit/test_negotiate.c \
	tests/unit/test_page.c tests/unit/test_pages.c tests/unit/test_path.c tests/unit/test_problem.c \
	tests/unit/test_reply.c tests/unit/test_rewritemap.c tests/unit/test_request.c tests/unit/test_secret.c tests/unit/test_serve.c \
	tests/unit/test_share.c tests/unit/test_site.c tests/unit/test_status.c tests/unit/test_store.c \
	tests/unit/test_str.c tests/unit/test_table.c tests/unit/test_timing.c tests/unit/test_utf8.c tests/unit/test_values.c \
	tests/unit/test_control.c tests/unit/test_metrics.c tests/unit/test_verdict.c tests/unit/test_zone.c

EXTRA_PROGRAMS = tests/unit/unit
tests_unit_unit_SOURCES = $(UNIT_SOURCES)
tests_unit_unit_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_unit_unit_LDADD = libwarden.a -lcunit $(HTTP_LIBS) $(NO_TLS)
if HAVE_CUNIT
check_PROGRAMS += tests/unit/unit
TESTS += tests/unit/unit
else
TESTS += tests/unit/missing
endif

# For tests/fault; built by make check-fault, or by the proof itself.
EXTRA_PROGRAMS += tests/fault/secrets tests/fault/policies
CLEANFILES += tests/fault/secrets$(EXEEXT) tests/fault/policies$(EXEEXT)
tests_fault_secrets_SOURCES = tests/fault/secrets.c
tests_fault_secrets_LDADD = libwarden.a -lm
tests_fault_policies_SOURCES = tests/fault/policies.c
tests_fault_policies_LDADD = libwarden.a

# make fuzz, in a build folder of clang: see tests/fuzz/run.  Built only when asked for.
EXTRA_PROGRAMS += tests/fuzz/fuzz
CLEANFILES += tests/fuzz/fuzz$(EXEEXT)
tests_fuzz_fuzz_SOURCES = tests/fuzz/fuzz.c tests/fuzz/fuzz.h tests/fuzz/fuzz_config.c tests/fuzz/fuzz_front.c \
	tests/fuzz/fuzz_ics.c tests/fuzz/fuzz_request.c tests/fuzz/targets.def src/ctl/ical.c
tests_fuzz_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/fuzz
tests_fuzz_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_LDADD = libwarden.a $(ICAL_LIBS) $(HTTP_LIBS)
fuzz: tests/fuzz/fuzz$(EXEEXT)
.PHONY: fuzz
EXTRA_DIST += tests/fuzz/run tests/fuzz/README.md tests/fuzz/corpus tests/fuzz/dictionary

# By name, not as a folder: of a folder automake packs what was built in it too.
dist-hook:
	$(MKDIR_P) $(distdir)/tests/cases && cp $(srcdir)/tests/cases/*.case $(distdir)/tests/cases/
	$(MKDIR_P) $(distdir)/tests/fault && cd $(srcdir)/tests/fault && \
	    cp *.py *.md *.c $(abs_top_builddir)/$(distdir)/tests/fault/

check-wire: all
	$(PYTHON3) -B $(srcdir)/tests/wire/run.py --gateway $(abs_builddir)/maintenance-warden \
	    --wardenctl $(abs_builddir)/wardenctl
check-stress: all
	$(PYTHON3) -B $(srcdir)/tests/ctl/test_stress.py --wardenctl $(abs_builddir)/wardenctl \
	    --gateway $(abs_builddir)/maintenance-warden
check-control: all
	$(PYTHON3) -B $(srcdir)/tests/control/run.py --wardenctl $(abs_builddir)/wardenctl \
	    --gateway $(abs_builddir)/maintenance-warden
# FAULT= more arguments: --long, NAME...
check-fault: all tests/fault/decide$(EXEEXT) tests/fault/secrets$(EXEEXT) tests/fault/policies$(EXEEXT)
	$(PYTHON3) -B $(srcdir)/tests/fault/run.py --wardenctl $(abs_builddir)/wardenctl \
	    --gateway $(abs_builddir)/maintenance-warden $(FAULT)
# COVERAGE= --build FOLDER
coverage:
	$(PYTHON3) -B $(srcdir)/tests/coverage $(COVERAGE)
check-systemd: all
	$(PYTHON3) -B $(srcdir)/tests/systemd/run.py --build $(abs_builddir)
.PHONY: check-wire check-stress check-control check-fault check-systemd coverage
