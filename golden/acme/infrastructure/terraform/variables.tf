# What may differ between installations. The values stand in terraform.tfvars.json, and nowhere else. That file is signed with the
# package: who wants another value names it in the target that it was compiled from, and compiles anew.

# The installation

variable "slug" {
  description = "Short name of the STUF. It is part of the name of everything made here, so a new one means a new server."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$", var.slug))
    error_message = "Set slug to 1 to 40 of a-z, 0-9 and inner hyphens."
  }
}

variable "environment" {
  description = "What the installation is for. Both may stand in one account, beside each other."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["staging", "production"], var.environment)
    error_message = "Set environment to staging or production."
  }
}

variable "region" {
  description = "Region of everything made here, such as eu-west-1. The uploads do not leave it; another region means another server and bucket."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "Set region to the code of a region, such as eu-west-1."
  }
}

variable "account_id" {
  description = "Account that this may be applied to, 12 digits; with credentials of any other nothing is planned. Empty means whatever account the credentials are of."
  type        = string
  nullable    = false
  default     = ""

  validation {
    condition     = can(regex("^([0-9]{12})?$", var.account_id))
    error_message = "Set account_id to the 12 digits that `aws sts get-caller-identity` prints, without hyphens."
  }
}

variable "domain" {
  description = "Public name of the installation, such as files.example.org."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.domain) <= 253 && can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.domain))
    error_message = "Set domain to a host name in lower case, without scheme, port or final dot."
  }
}

# The server

variable "instance_type" {
  description = "Type of the server, x86-64 and of the Nitro System (t3, m5 and newer). It carries API, Keycloak and proxy: below 4 GiB of memory they do not fit. A change restarts the server."
  type        = string
  nullable    = false
  default     = "t3.large"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*\\.[a-z0-9-]+$", var.instance_type)) && !can(regex("^([a-z]+[0-9]+g[a-z]*|a1)\\.", var.instance_type))
    error_message = "Set instance_type to an x86-64 type, such as t3.large; types with g after the number are ARM."
  }
}

variable "root_volume_gib" {
  description = "System disk in GiB. It holds Debian, images and logs; it goes when the server goes."
  type        = number
  nullable    = false
  default     = 30

  validation {
    condition     = floor(var.root_volume_gib) == var.root_volume_gib && var.root_volume_gib >= 16 && var.root_volume_gib <= 1024
    error_message = "Set root_volume_gib to a whole number from 16 to 1024."
  }
}

variable "data_volume_gib" {
  description = "Data disk in GiB. It holds databases, the journal and lists of the content, not the uploads; it outlives the server, can grow, and never shrinks."
  type        = number
  nullable    = false
  default     = 50

  validation {
    condition     = floor(var.data_volume_gib) == var.data_volume_gib && var.data_volume_gib >= 10 && var.data_volume_gib <= 16384
    error_message = "Set data_volume_gib to a whole number from 10 to 16384."
  }
}

# Who may connect

variable "ssh_public_key" {
  description = "Public half of the key with which Ansible signs in as admin, one line. It counts at the first boot only."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^ssh-(ed25519|rsa) [A-Za-z0-9+/]+={0,3}( [^\r\n]*)?$", var.ssh_public_key))
    error_message = "Set ssh_public_key to one line that begins with ssh-ed25519 or ssh-rsa; AWS takes no other kind."
  }
}

variable "session_manager" {
  description = "Whether one signs in through Session Manager of AWS, which needs no open port. It counts at the first boot only."
  type        = bool
  nullable    = false
  default     = true

  validation {
    condition     = var.session_manager || length(var.ssh_cidrs) > 0
    error_message = "Nobody could sign in: leave session_manager true, or list networks in ssh_cidrs."
  }
}

variable "ssh_cidrs" {
  description = "Networks that reach SSH, such as 198.51.100.0/24. Empty means none: then Session Manager is the way in."
  type        = set(string)
  nullable    = false
  default     = []

  validation {
    condition     = alltrue([for cidr in var.ssh_cidrs : can(cidrhost(cidr, 0)) && !endswith(cidr, "/0")])
    error_message = "Set ssh_cidrs to networks with a prefix, such as 198.51.100.0/24; SSH for the whole internet is refused."
  }
}

variable "web_cidrs" {
  description = "Networks that reach the pages and the API on ports 80 and 443. With fewer than everyone, certificates by ACME need another way."
  type        = set(string)
  nullable    = false
  default     = ["0.0.0.0/0"]

  validation {
    condition     = length(var.web_cidrs) > 0 && alltrue([for cidr in var.web_cidrs : can(cidrhost(cidr, 0))])
    error_message = "Set web_cidrs to at least one network with a prefix; 0.0.0.0/0 means everyone."
  }
}

variable "egress_tcp_ports" {
  description = "TCP ports that the server may reach anywhere. 80 and 443 are for packages, images, certificates and storage; 587 is for mail. Add those of your mail server, registry and source storage."
  type        = set(number)
  nullable    = false
  default     = [80, 443, 587]

  validation {
    condition     = length(setintersection(var.egress_tcp_ports, [80, 443])) == 2 && alltrue([for port in var.egress_tcp_ports : floor(port) == port && port >= 1 && port <= 65535])
    error_message = "Set egress_tcp_ports to ports from 1 to 65535, with 80 and 443 among them."
  }
}

# The network

variable "vpc_cidr" {
  description = "Addresses of the network that is made, from /16 to /24; a sixteenth is for the server. Choose one that no network behind a peering has. Without effect where existing_subnet_id is set."
  type        = string
  nullable    = false
  default     = "10.20.0.0/20"

  validation {
    condition     = can(cidrnetmask(var.vpc_cidr)) && can(regex("/(1[6-9]|2[0-4])$", var.vpc_cidr))
    error_message = "Set vpc_cidr to an IPv4 network from /16 to /24, such as 10.20.0.0/20."
  }
}

variable "existing_subnet_id" {
  description = "Subnet of yours for the server, with a route to the internet; its network is used as it is. Empty makes a network of its own. A later change makes the server anew, and is refused where its data disk would have to move."
  type        = string
  nullable    = false
  default     = ""

  validation {
    condition     = can(regex("^(subnet-[0-9a-f]+)?$", var.existing_subnet_id))
    error_message = "Set existing_subnet_id to the id of a subnet, such as subnet-0123456789abcdef0, or leave it out."
  }
}

variable "existing_database_subnet_ids" {
  description = "Subnets of yours for the database, in two zones or more. Needed where existing_subnet_id and database are set."
  type        = set(string)
  nullable    = false
  default     = []

  validation {
    condition     = alltrue([for id in var.existing_database_subnet_ids : can(regex("^subnet-[0-9a-f]+$", id))])
    error_message = "Set existing_database_subnet_ids to ids of subnets, such as subnet-0123456789abcdef0."
  }

  validation {
    condition     = var.existing_subnet_id == "" || !var.database || length(var.existing_database_subnet_ids) >= 2
    error_message = "A database in a network of yours needs existing_database_subnet_ids: two subnets, in different zones."
  }
}

# The storage

variable "bucket_name" {
  description = "Bucket for uploaded files. A new name means a new, empty bucket, and is refused while the old one is managed here."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket_name))
    error_message = "Set bucket_name to 3 to 63 of a-z, 0-9 and inner hyphens."
  }
}

variable "noncurrent_version_days" {
  description = "Days for which overwritten and deleted files can be brought back. They are paid for as long, and gone for good afterwards."
  type        = number
  nullable    = false
  default     = 30

  validation {
    condition     = floor(var.noncurrent_version_days) == var.noncurrent_version_days && var.noncurrent_version_days >= 1 && var.noncurrent_version_days <= 3650
    error_message = "Set noncurrent_version_days to a whole number from 1 to 3650."
  }
}

variable "content_moves" {
  description = "Whether the application's key may also list unfinished uploads, which the content program needs while it copies. Once the migration is over it is set to false as docs/operations.md says."
  type        = bool
  nullable    = false
  default     = true
}

# The database

variable "database" {
  description = "Whether Keycloak's database is one of RDS, with backups of its own, instead of one on the server. Taking it back is refused: it holds every user's sign-in."
  type        = bool
  nullable    = false
  default     = false
}

variable "database_version" {
  description = "Major version of PostgreSQL. A newer one interrupts sign-in while RDS brings the data along; an older one is not possible."
  type        = string
  nullable    = false
  default     = "17"

  validation {
    condition     = can(regex("^(1[5-9])$", var.database_version))
    error_message = "Set database_version to a major version from 15 to 19, as a text."
  }
}

variable "database_class" {
  description = "Class of the database. db.t4g.micro carries some hundred users. A change interrupts sign-in for minutes."
  type        = string
  nullable    = false
  default     = "db.t4g.micro"

  validation {
    condition     = can(regex("^db\\.[a-z0-9]+\\.[a-z0-9]+$", var.database_class))
    error_message = "Set database_class to a class of RDS, such as db.t4g.micro."
  }
}

variable "database_storage_gib" {
  description = "Storage of the database in GiB. It can grow, by a tenth at least each time, and never shrinks."
  type        = number
  nullable    = false
  default     = 20

  validation {
    condition     = floor(var.database_storage_gib) == var.database_storage_gib && var.database_storage_gib >= 20 && var.database_storage_gib <= 1024
    error_message = "Set database_storage_gib to a whole number from 20 to 1024."
  }
}

variable "database_multi_az" {
  description = "Whether a second database stands by in another zone, for twice the price. The server stays in one zone either way."
  type        = bool
  nullable    = false
  default     = false
}

variable "database_backup_days" {
  description = "Days for which RDS keeps daily backups, and to any minute of which it can go back."
  type        = number
  nullable    = false
  default     = 14

  validation {
    condition     = floor(var.database_backup_days) == var.database_backup_days && var.database_backup_days >= 1 && var.database_backup_days <= 35
    error_message = "Set database_backup_days to a whole number from 1 to 35."
  }
}

# The name

variable "dns_zone_id" {
  description = "Zone in Route 53 that gets the record of the domain. Empty means that you set the record where your zone is kept."
  type        = string
  nullable    = false
  default     = ""

  validation {
    condition     = can(regex("^(Z[A-Z0-9]{1,31})?$", var.dns_zone_id))
    error_message = "Set dns_zone_id to the id of a hosted zone, such as Z0123456789ABCDEFGHIJ, or leave it out."
  }
}

variable "dns_ttl_seconds" {
  description = "Seconds for which others remember the record. So long a change of address takes to reach everyone."
  type        = number
  nullable    = false
  default     = 300

  validation {
    condition     = floor(var.dns_ttl_seconds) == var.dns_ttl_seconds && var.dns_ttl_seconds >= 30 && var.dns_ttl_seconds <= 86400
    error_message = "Set dns_ttl_seconds to a whole number from 30 to 86400."
  }
}

# Logs, alarms, costs

variable "logs" {
  description = "Whether connections, and the database's messages, are logged in CloudWatch. They name addresses of users, so they are personal data, and cost by the GB."
  type        = bool
  nullable    = false
  default     = false
}

variable "log_retention_days" {
  description = "Days for which logs are kept; then they are gone."
  type        = number
  nullable    = false
  default     = 90

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_retention_days)
    error_message = "Set log_retention_days to a number of days that CloudWatch knows, such as 30, 90 or 365."
  }
}

variable "alarm_email" {
  description = "Who is told when the server cannot be reached, is busy or the database is full, and by the budget. AWS asks there first whether that is wanted. Empty means no alarms."
  type        = string
  nullable    = false
  default     = ""

  validation {
    condition     = can(regex("^([^@[:space:]]+@[^@[:space:]]+\\.[^@[:space:]]+)?$", var.alarm_email))
    error_message = "Set alarm_email to one mail address, or leave it out."
  }
}

variable "budget_monthly_usd" {
  description = "US dollars a month of the whole account; at 80 % spent or 100 % forecast a mail goes to alarm_email. It stops nothing. 0 means no budget."
  type        = number
  nullable    = false
  default     = 0

  validation {
    condition     = floor(var.budget_monthly_usd) == var.budget_monthly_usd && var.budget_monthly_usd >= 0 && var.budget_monthly_usd <= 1000000
    error_message = "Set budget_monthly_usd to a whole number from 0 to 1000000."
  }

  validation {
    condition     = var.budget_monthly_usd == 0 || var.alarm_email != ""
    error_message = "A budget tells somebody: set alarm_email too."
  }
}
