# A network of its own, unless existing_subnet_id says where the server goes.

data "aws_availability_zones" "usable" {
  #checkov:skip=CKV_AWS_394: A zone is taken from the list once; the subnets ignore what AWS adds later.

  state = "available"

  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

# Not every zone of a region has every type of machine.
data "aws_ec2_instance_type_offerings" "server" {
  location_type = "availability-zone"

  filter {
    name   = "instance-type"
    values = [var.instance_type]
  }
}

data "aws_subnet" "existing" {
  count = local.own_network ? 0 : 1

  id = var.existing_subnet_id
}

resource "aws_vpc" "own" {
  count = local.own_network ? 1 : 0

  cidr_block           = var.vpc_cidr
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = local.name }
}

# The group that AWS makes by itself, without rules: what joins it by mistake reaches nothing and is not reached.
resource "aws_default_security_group" "closed" {
  count = local.own_network ? 1 : 0

  vpc_id = aws_vpc.own[0].id

  tags = { Name = "${local.name}-closed" }
}

resource "aws_internet_gateway" "own" {
  count = local.own_network ? 1 : 0

  vpc_id = aws_vpc.own[0].id

  tags = { Name = local.name }
}

resource "aws_subnet" "server" {
  count = local.own_network ? 1 : 0

  vpc_id                  = aws_vpc.own[0].id
  cidr_block              = cidrsubnet(var.vpc_cidr, 4, 0)
  availability_zone       = local.usual_zone
  map_public_ip_on_launch = false

  tags = { Name = "${local.name}-server" }

  lifecycle {
    # A zone that AWS adds later may come first in the list; nothing moves there.
    ignore_changes = [availability_zone]
  }
}

resource "aws_route_table" "server" {
  count = local.own_network ? 1 : 0

  vpc_id = aws_vpc.own[0].id

  tags = { Name = "${local.name}-server" }
}

resource "aws_route" "internet" {
  count = local.own_network ? 1 : 0

  route_table_id         = aws_route_table.server[0].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.own[0].id
}

resource "aws_route_table_association" "server" {
  count = local.own_network ? 1 : 0

  subnet_id      = aws_subnet.server[0].id
  route_table_id = aws_route_table.server[0].id
}

# Uploads go to the bucket inside of AWS: this way costs nothing, and does not cross the internet.
resource "aws_vpc_endpoint" "storage" {
  count = local.own_network ? 1 : 0

  vpc_id            = aws_vpc.own[0].id
  service_name      = "com.amazonaws.${var.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.server[0].id]

  tags = { Name = "${local.name}-storage" }
}

# RDS wants two zones, also where the database runs in one. No way leads from here to the internet.
resource "aws_subnet" "database" {
  count = local.own_network && var.database ? 2 : 0

  vpc_id                  = aws_vpc.own[0].id
  cidr_block              = cidrsubnet(var.vpc_cidr, 4, count.index + 1)
  availability_zone       = data.aws_availability_zones.usable.names[count.index]
  map_public_ip_on_launch = false

  tags = { Name = "${local.name}-database" }

  lifecycle {
    ignore_changes = [availability_zone]
  }
}
