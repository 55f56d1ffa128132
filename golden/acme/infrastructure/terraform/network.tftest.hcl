# Where the server is, who reaches it, and whom it reaches.

mock_provider "aws" {
  source          = "./mocks"
  override_during = plan
}

variables {
  slug           = "harbour"
  environment    = "production"
  region         = "eu-west-1"
  domain         = "files.harbour.example"
  bucket_name    = "harbour-stuf-uploads"
  ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKqaAJFD04B2LnIceO5BfT4AlutPAnUP4oE+fwZhylv5"
}

run "own_network" {
  command = plan

  variables {
    existing_subnet_id = ""
    vpc_cidr           = "10.20.0.0/20"
    database           = true
    session_manager    = true
    ssh_cidrs          = []
    web_cidrs          = ["0.0.0.0/0", "2001:db8:17::/48"]
    egress_tcp_ports   = [80, 443, 465]
  }

  assert {
    condition     = aws_vpc.own[0].cidr_block == "10.20.0.0/20"
    error_message = "Without a subnet of the customer's there is a network of its own, with the addresses asked for."
  }

  assert {
    condition     = aws_instance.server.subnet_id == aws_subnet.server[0].id && aws_subnet.server[0].vpc_id == aws_vpc.own[0].id
    error_message = "The server is in the network that is made for it."
  }

  assert {
    condition     = aws_subnet.server[0].availability_zone == "eu-west-1b" && aws_ebs_volume.data.availability_zone == "eu-west-1b"
    error_message = "The server and its data are in the first zone that has such a machine."
  }

  assert {
    condition     = one(data.aws_ec2_instance_type_offerings.server.filter).values == toset([var.instance_type])
    error_message = "AWS is asked for the type that was chosen."
  }

  assert {
    condition     = aws_route.internet[0].gateway_id == aws_internet_gateway.own[0].id && aws_route_table_association.server[0].subnet_id == aws_subnet.server[0].id
    error_message = "The server's subnet has a way to the internet."
  }

  assert {
    condition     = aws_vpc_endpoint.storage[0].service_name == "com.amazonaws.eu-west-1.s3" && aws_vpc_endpoint.storage[0].route_table_ids == toset([aws_route_table.server[0].id])
    error_message = "The bucket is reached inside of AWS."
  }

  assert {
    condition     = length(aws_default_security_group.closed) == 1
    error_message = "The group that AWS makes by itself is emptied."
  }

  assert {
    condition     = !anytrue(concat(aws_subnet.server[*].map_public_ip_on_launch, aws_subnet.database[*].map_public_ip_on_launch))
    error_message = "No subnet hands out public addresses by itself."
  }

  assert {
    condition     = toset(aws_subnet.database[*].availability_zone) == toset(["eu-west-1a", "eu-west-1b"])
    error_message = "The database has subnets in two zones."
  }

  assert {
    # Terraform shows no lifecycle to a test, so the text is read.
    condition     = can(regex("resource \"aws_subnet\" \"server\" \\{(?:[^\n]|\n[^}])*ignore_changes = \\[availability_zone\\]", file("${path.module}/network.tf")))
    error_message = "The server's subnet stays in its zone whatever the list of zones becomes."
  }

  assert {
    condition     = can(regex("resource \"aws_subnet\" \"database\" \\{(?:[^\n]|\n[^}])*ignore_changes = \\[availability_zone\\]", file("${path.module}/network.tf")))
    error_message = "The database's subnets stay in their zones whatever the list of zones becomes."
  }

  assert {
    condition     = length(setintersection(aws_subnet.database[*].id, aws_route_table_association.server[*].subnet_id)) == 0
    error_message = "The database's subnets have no way to the internet."
  }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.ssh) == 0
    error_message = "Nobody reaches SSH unless networks are listed."
  }

  assert {
    condition = alltrue([
      for rules in [aws_vpc_security_group_ingress_rule.http, aws_vpc_security_group_ingress_rule.https] :
      toset([for rule in rules : coalesce(rule.cidr_ipv4, rule.cidr_ipv6)]) == var.web_cidrs
    ])
    error_message = "The listed networks reach the pages, and no other."
  }

  assert {
    condition     = toset([for rule in aws_vpc_security_group_ingress_rule.https : "${rule.from_port}-${rule.to_port}"]) == toset(["443-443"]) && toset([for rule in aws_vpc_security_group_ingress_rule.http : "${rule.from_port}-${rule.to_port}"]) == toset(["80-80"])
    error_message = "The pages are two ports."
  }

  assert {
    condition     = toset([for rule in aws_vpc_security_group_egress_rule.out : rule.to_port]) == toset([80, 443, 465])
    error_message = "The server reaches the listed ports and no others."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.database[0].referenced_security_group_id == aws_security_group.server.id && aws_vpc_security_group_ingress_rule.database[0].security_group_id == aws_security_group.database[0].id
    error_message = "The database lets the server's group in, not addresses."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.database[0].referenced_security_group_id == aws_security_group.database[0].id && aws_vpc_security_group_egress_rule.database[0].security_group_id == aws_security_group.server.id
    error_message = "The server reaches the database's group, not addresses."
  }

  assert {
    condition     = aws_db_instance.identity[0].vpc_security_group_ids == toset([aws_security_group.database[0].id]) && aws_instance.server.vpc_security_group_ids == toset([aws_security_group.server.id])
    error_message = "Server and database have their own group, and no other."
  }
}

run "existing_network" {
  command = plan

  variables {
    existing_subnet_id           = "subnet-0123456789abcdef0"
    existing_database_subnet_ids = ["subnet-0aaaaaaaaaaaaaaa1", "subnet-0aaaaaaaaaaaaaaa2"]
    database                     = true
    session_manager              = false
    ssh_cidrs                    = ["198.51.100.0/24", "2001:db8:17::/48"]
    logs                         = true
  }

  assert {
    condition     = length(aws_vpc.own) + length(aws_subnet.server) + length(aws_subnet.database) + length(aws_route.internet) + length(aws_vpc_endpoint.storage) + length(aws_default_security_group.closed) == 0
    error_message = "A network of the customer's is used as it is."
  }

  assert {
    condition     = aws_instance.server.subnet_id == "subnet-0123456789abcdef0" && aws_security_group.server.vpc_id == "vpc-0fedcba9876543210"
    error_message = "The server and its group are in the network of the named subnet."
  }

  assert {
    condition     = aws_ebs_volume.data.availability_zone == "eu-west-1b"
    error_message = "The data disk is in the zone of the named subnet."
  }

  assert {
    condition     = aws_db_subnet_group.identity[0].subnet_ids == toset(["subnet-0aaaaaaaaaaaaaaa1", "subnet-0aaaaaaaaaaaaaaa2"])
    error_message = "The database is in the named subnets."
  }

  assert {
    condition     = toset([for rule in aws_vpc_security_group_ingress_rule.ssh : "${rule.from_port}-${rule.to_port} ${coalesce(rule.cidr_ipv4, rule.cidr_ipv6)}"]) == toset(["22-22 198.51.100.0/24", "22-22 2001:db8:17::/48"])
    error_message = "The listed networks reach SSH, and no other."
  }

  assert {
    condition     = aws_flow_log.connections[0].eni_id == aws_instance.server.primary_network_interface_id && aws_flow_log.connections[0].vpc_id == null
    error_message = "In another's network only the server's own connections are logged."
  }
}

run "not_offered_here" {
  command = plan

  variables {
    existing_subnet_id = "subnet-0123456789abcdef0"
    database           = false
  }

  override_data {
    target = data.aws_ec2_instance_type_offerings.server
    values = { locations = ["eu-west-1a"] }
  }

  expect_failures = [aws_instance.server]
}

run "not_offered_anywhere" {
  command = plan

  variables {
    existing_subnet_id = ""
  }

  override_data {
    target = data.aws_ec2_instance_type_offerings.server
    values = { locations = [] }
  }

  expect_failures = [aws_instance.server]
}
