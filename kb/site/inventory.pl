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

node_cores(pve1, 8).
node_cores(pve2, 8).
node_cores(nas, 4).

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
firewall_rule(1, servers, storage, nfs, allow).
firewall_rule(2, management, any, ssh, allow).
firewall_rule(3, any, storage, any, deny).
firewall_rule(4, any, servers, https, allow).

node_mount(pve1, '/', 10240).
node_mount(pve2, '/', 10240).
node_mount(nas, '/tank', 204800).

vm(web).
vm(database).
vm(media).
vm_memory(web, 4096).
vm_memory(database, 8192).
vm_memory(media, 24576).
vm_cores(web, 2).
vm_cores(database, 4).
vm_cores(media, 8).
vm_home(web, pve1).
vm_home(database, pve1).
vm_home(media, pve2).
keep_apart(web, database).

%   What needs what, beside the node that a machine is on: the disks are on the nas.
depends_on(pve1, nas).
depends_on(pve2, nas).
depends_on(web, database).
start_order(database, 1).
start_order(media, 2).
start_order(web, 2).

ups(rack).
ups_feeds(rack, pve1).
ups_feeds(rack, pve2).
ups_feeds(rack, nas).
shutdown_takes(nas, 60).
shutdown_takes(pve1, 90).
shutdown_takes(pve2, 90).
shutdown_takes(database, 120).
