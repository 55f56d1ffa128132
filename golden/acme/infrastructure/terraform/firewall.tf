# Who reaches what: one group for the server, one for the database; each rule is a resource, so that a plan names it.

resource "aws_security_group" "server" {
  name        = "${local.name}-server"
  description = "The server of STUF: pages for those listed, SSH for those listed"
  vpc_id      = local.vpc_id

  tags = { Name = "${local.name}-server" }
}

resource "aws_vpc_security_group_ingress_rule" "https" {
  for_each = var.web_cidrs

  security_group_id = aws_security_group.server.id
  description       = "Pages and API"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = strcontains(each.value, ":") ? null : each.value
  cidr_ipv6         = strcontains(each.value, ":") ? each.value : null
}

# The proxy leads from here to HTTPS, and proves to the certificate authority whose name it has.
resource "aws_vpc_security_group_ingress_rule" "http" {
  for_each = var.web_cidrs

  security_group_id = aws_security_group.server.id
  description       = "Redirect to HTTPS, certificates"
  ip_protocol       = "tcp"
  from_port         = 80
  to_port           = 80
  cidr_ipv4         = strcontains(each.value, ":") ? null : each.value
  cidr_ipv6         = strcontains(each.value, ":") ? each.value : null
}

# None unless networks are listed: Session Manager needs no open port.
resource "aws_vpc_security_group_ingress_rule" "ssh" {
  for_each = var.ssh_cidrs

  security_group_id = aws_security_group.server.id
  description       = "Administration"
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22
  cidr_ipv4         = strcontains(each.value, ":") ? null : each.value
  cidr_ipv6         = strcontains(each.value, ":") ? each.value : null
}

# Name resolution, time and metadata of AWS need no rule.
resource "aws_vpc_security_group_egress_rule" "out" {
  for_each = toset([for port in var.egress_tcp_ports : tostring(port)])

  security_group_id = aws_security_group.server.id
  description       = "Packages, images, certificates, mail, notifications, storage"
  ip_protocol       = "tcp"
  from_port         = tonumber(each.value)
  to_port           = tonumber(each.value)
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_security_group" "database" {
  count = var.database ? 1 : 0

  name        = "${local.name}-database"
  description = "The database of Keycloak: the server of STUF and nobody else"
  vpc_id      = local.vpc_id

  tags = { Name = "${local.name}-database" }
}

resource "aws_vpc_security_group_ingress_rule" "database" {
  count = var.database ? 1 : 0

  security_group_id            = aws_security_group.database[0].id
  description                  = "PostgreSQL for Keycloak"
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
  referenced_security_group_id = aws_security_group.server.id
}

resource "aws_vpc_security_group_egress_rule" "database" {
  count = var.database ? 1 : 0

  security_group_id            = aws_security_group.server.id
  description                  = "PostgreSQL for Keycloak"
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
  referenced_security_group_id = aws_security_group.database[0].id
}
