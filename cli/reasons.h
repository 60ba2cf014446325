/* SPDX-License-Identifier: Apache-2.0 */
/* The page of reasons. */
#ifndef TR_CLI_REASONS_H
#define TR_CLI_REASONS_H

/* docs/reasons.md, to stdout. */
void tr_cli_print_reasons(void);

#endif
