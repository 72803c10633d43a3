"""Ports that no mirror may have, whoever asks for them."""

from __future__ import annotations

FIRST_FREE_PORT = 1024

DANGEROUS_PORTS = {
    1080: "SOCKS", 1099: "RMI", 1433: "SQL Server", 1521: "Oracle", 1719: "H.323", 1720: "H.323", 1723: "PPTP",
    1883: "MQTT", 1900: "SSDP", 2049: "NFS", 2181: "ZooKeeper", 2375: "Docker", 2376: "Docker", 2377: "Docker",
    2379: "etcd", 2380: "etcd", 3128: "a proxy", 3260: "iSCSI", 3306: "MySQL", 3389: "RDP", 3659: "SASL",
    3690: "Subversion", 4045: "lockd", 4190: "Sieve", 4369: "Erlang", 4646: "Nomad", 5060: "SIP", 5061: "SIP",
    5353: "mDNS", 5432: "PostgreSQL", 5555: "adb", 5672: "AMQP", 5900: "VNC", 5901: "VNC", 5984: "CouchDB",
    5985: "WinRM", 5986: "WinRM", 6000: "X11", 6001: "X11", 6379: "Redis", 6443: "Kubernetes", 6566: "SANE",
    6660: "IRC", 6661: "IRC", 6662: "IRC", 6663: "IRC", 6664: "IRC", 6665: "IRC", 6666: "IRC", 6667: "IRC",
    6668: "IRC", 6669: "IRC", 6679: "IRC", 6697: "IRC", 7000: "Cassandra", 7001: "WebLogic", 8086: "InfluxDB",
    8200: "Vault", 8500: "Consul", 9042: "Cassandra", 9092: "Kafka", 9100: "a printer", 9200: "Elasticsearch",
    9300: "Elasticsearch", 10080: "Amanda", 10250: "Kubernetes", 10255: "Kubernetes", 11211: "memcached",
    27017: "MongoDB", 27018: "MongoDB",
}  # fmt: skip
"""Services that can be made to act by an HTTP request, or are never meant to meet one."""
