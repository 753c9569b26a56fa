/*
 * The ramp at the end of maintenance: a percentage of the clients is let in,
 * always the same ones for one window, and nobody drops out as it rises.  Any thread.
 */
#ifndef RULES_SHARE_H
#define RULES_SHARE_H

#include "base/ip.h"
#include "base/str.h"

/*
 * The client's fixed place, 0 to 99, in the window `id`: admitted when it is below the share.
 * IPv6 clients count by their /64, since the rest of their address changes daily.
 */
int share_place(const struct ip_addr *client, struct str id);

#endif
