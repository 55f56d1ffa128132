provider "aws" {
  region              = var.region
  allowed_account_ids = var.account_id == "" ? null : [var.account_id]

  default_tags {
    tags = {
      Application = "stuf"
      Project     = var.slug
      Environment = var.environment
      ManagedBy   = "terraform"
    }
  }
}

data "aws_caller_identity" "current" {}

locals {
  # At most 56 characters, so that what is appended stays below the 64 of IAM.
  name = "stuf-${var.slug}-${var.environment}"

  own_network = var.existing_subnet_id == ""
  vpc_id      = local.own_network ? aws_vpc.own[0].id : data.aws_subnet.existing[0].vpc_id
  subnet_id   = local.own_network ? aws_subnet.server[0].id : data.aws_subnet.existing[0].id

  # The first that has such a machine; where none has, the server's precondition says so.
  usual_zone = concat([
    for zone in data.aws_availability_zones.usable.names : zone
    if contains(data.aws_ec2_instance_type_offerings.server.locations, zone)
  ], data.aws_availability_zones.usable.names)[0]

  availability_zone = local.own_network ? aws_subnet.server[0].availability_zone : data.aws_subnet.existing[0].availability_zone
}
