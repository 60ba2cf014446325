/* SPDX-License-Identifier: Apache-2.0 */
/* Who exists: models, endpoints, classes and tenants by name, over every change of policy. */
#ifndef TR_ENGINE_REGISTRY_H
#define TR_ENGINE_REGISTRY_H

#include "engine/state.h"

/* The slot of a name, or TR_NONE. O(1) expected. */
uint32_t tr_registry_find(const struct tr_registry *registry, tr_name name);
/* Take the lowest free slot for a new name, which must not be 0 or known; TR_NONE: full. */
uint32_t tr_registry_add(struct tr_registry *registry, tr_name name);

/* 0 if the tenant is known or there is a place for it; else how long until there may be one. */
tr_span_ns tr_registry_tenant_wait(const struct tr_engine *e, tr_name name);
/* The slot of a tenant that fits, made if need be under the active policy's default row. */
uint32_t tr_registry_tenant(struct tr_engine *e, tr_name name);

/* Is there room for every name of the policy, once what is idle and not named by it has gone? */
bool tr_registry_fits(const struct tr_engine *e, const struct tr_loaded *loaded);
/* Make the registry that of the policy in `slot`, which fits. Idle entries it does not name go;
 * busy ones stay until a later change, endpoints among them as removed. */
void tr_registry_activate(struct tr_engine *e, uint32_t slot);

/* A policy is no longer in use: forget where its chains led. */
void tr_registry_policy_released(struct tr_engine *e);

/* Compute the name indexes, bindings and reach again from the rows. Returns false if a name stands
 * twice. */
bool tr_registry_rebuild(struct tr_engine *e);

#endif
