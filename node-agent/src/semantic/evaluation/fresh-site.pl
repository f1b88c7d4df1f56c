% The site that fresh questions ask about: facts that make every name in them known.
logic_node(sentry).
node(pve1).
node(pve2).
node(pve3).
node(nas).
node('attic-pi').
node(edge07).
node(titan).
node(sentry).
cluster_member(rack, pve1).
cluster_member(rack, pve2).
cluster_member(rack, pve3).
cluster_member(lab, edge07).
cluster_member(lab, titan).
quorum_device(lab, 'attic-pi').
vm(mail).
vm(dns).
vm(git).
vm(media).
vm('web-01').
vm(db1).
vm(homeassistant).
vm(jellyfin).
ups(apc1).
ups(closet_ups).
ups_feeds(apc1, pve1).
ups_feeds(closet_ups, nas).
node_zone(sentry, management).
node_zone(pve1, servers).
node_zone(nas, storage).
node_zone('attic-pi', iot).
zone_vlan(management, 10).
zone_vlan(servers, 20).
zone_vlan(storage, 30).
zone_vlan(iot, 40).
zone_vlan(guest, 40).
node_mount(nas, '/', 4096).
node_mount(nas, '/var', 4096).
node_mount(nas, '/srv/data', 65536).
firewall_rule(1, management, any, ssh, allow).
firewall_rule(2, servers, storage, smb, allow).
firewall_rule(3, any, servers, https, allow).
firewall_rule(4, iot, servers, mqtt, allow).
firewall_rule(5, any, management, dns, allow).
