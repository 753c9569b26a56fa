/* The commands of wardenctl: each is a function in the file of its name.  They return an exit code. */
#ifndef CTL_COMMANDS_H
#define CTL_COMMANDS_H

#include "ctl/ctl.h"

int ctl_on(struct ctl *ctl, int argc, char **argv);
int ctl_off(struct ctl *ctl, int argc, char **argv);
int ctl_toggle(struct ctl *ctl, int argc, char **argv);
int ctl_status(struct ctl *ctl, int argc, char **argv);
int ctl_until(struct ctl *ctl, int argc, char **argv);
int ctl_message(struct ctl *ctl, int argc, char **argv);
int ctl_step(struct ctl *ctl, int argc, char **argv);
int ctl_bypass(struct ctl *ctl, int argc, char **argv);
int ctl_ticket(struct ctl *ctl, int argc, char **argv);
int ctl_schedule(struct ctl *ctl, int argc, char **argv);
int ctl_check(struct ctl *ctl, int argc, char **argv);
int ctl_explain(struct ctl *ctl, int argc, char **argv);
int ctl_snippet(struct ctl *ctl, int argc, char **argv);
int ctl_render(struct ctl *ctl, int argc, char **argv);
int ctl_plan(struct ctl *ctl, int argc, char **argv);
int ctl_run(struct ctl *ctl, int argc, char **argv);
int ctl_doctor(struct ctl *ctl, int argc, char **argv);
int ctl_tick(struct ctl *ctl, int argc, char **argv);
int ctl_journal_command(struct ctl *ctl, int argc, char **argv);
int ctl_report(struct ctl *ctl, int argc, char **argv);

#endif
