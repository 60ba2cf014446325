/* SPDX-License-Identifier: Apache-2.0 */
/* The page of faults. */
#ifndef TR_CLI_FAULTS_H
#define TR_CLI_FAULTS_H

/* docs/faults.md, to stdout. */
void tr_cli_print_faults(void);

#endif
