%   The inventory of an example site, so that `swipl kb/main.pl` has something to reason about.
%   Ground facts of declared predicates only; a clause with a body is refused.

logic_node(sentry).

node(sentry).
node(pve1).
node(pve2).
node(nas).

node_class(sentry, rpi5).
node_class(pve1, nuc).
node_class(pve2, nuc).
node_class(nas, server).

node_memory(pve1, 32768).
node_memory(pve2, 32768).
node_memory(nas, 16384).

cluster_member(home, pve1).
cluster_member(home, pve2).
cluster_member(home, nas).

node_zone(sentry, management).
node_zone(pve1, servers).
node_zone(pve2, servers).
node_zone(nas, storage).
zone_vlan(management, 10).
zone_vlan(servers, 20).
zone_vlan(storage, 30).
node_vlan(sentry, 10).
node_vlan(pve1, 20).
node_vlan(pve2, 20).
node_vlan(nas, 20).
allow(servers, storage, nfs).
allow(management, servers, ssh).
allow(management, storage, ssh).

vm(web).
vm(database).
vm(media).
vm_memory(web, 4096).
vm_memory(database, 8192).
vm_memory(media, 24576).
