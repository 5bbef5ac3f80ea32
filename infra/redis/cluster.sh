#!/usr/bin/env bash
# Makes one Redis Cluster of the nodes with these host names: cluster.sh redis redis-2 redis-3
# After a restart, the script tells the nodes each other's new addresses.
set -euo pipefail
nodes=("$@")
export REDISCLI_AUTH; REDISCLI_AUTH=$(cat /secrets/own/redis-admin)
# TLS_OPTIONS is not quoted, because it has several words or none.
# shellcheck disable=SC2086
on() { local host=$1; shift; redis-cli ${TLS_OPTIONS:-} --user admin --no-auth-warning -h "$host" "$@"; }

for node in "${nodes[@]}"; do
  # CLUSTER MEET accepts only addresses, and no host names.
  address=$(getent hosts "$node" | awk '{ print $1; exit }')
  on "${nodes[0]}" cluster meet "$address" 6379 >/dev/null
done
# A node without Cluster slots is new, and gets its share of the 16,384 slots.
for index in "${!nodes[@]}"; do
  if on "${nodes[index]}" cluster nodes | grep -q 'myself.*connected$'; then
    on "${nodes[index]}" cluster addslotsrange $((16384 * index / ${#nodes[@]})) $((16384 * (index + 1) / ${#nodes[@]} - 1)) >/dev/null
  fi
done
for node in "${nodes[@]}"; do
  for ((tries = 0; ; tries++)); do
    # The script waits for every node, because a node that does not know all others answers CLUSTERDOWN.
    if on "$node" cluster info | grep -q 'cluster_state:ok'; then break; fi
    if ((tries == 120)); then on "$node" cluster info >&2; echo "no Cluster after 60 s" >&2; exit 1; fi
    sleep 0.5
  done
done
echo "Cluster of ${nodes[*]}"
