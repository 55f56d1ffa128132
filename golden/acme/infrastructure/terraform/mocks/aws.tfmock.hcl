# What AWS would have answered, for tests that ask nobody. A type that stands here has values while it is planned;
# those without defaults get some of Terraform's own, each resource others, so that references can be compared.

mock_data "aws_caller_identity" {
  defaults = { account_id = "123456789012" }
}

mock_data "aws_availability_zones" {
  defaults = { names = ["eu-west-1a", "eu-west-1b", "eu-west-1c"] }
}

mock_data "aws_ec2_instance_type_offerings" {
  defaults = { locations = ["eu-west-1c", "eu-west-1b"] }
}

mock_data "aws_ec2_instance_type" {
  defaults = {
    hypervisor              = "nitro"
    bare_metal              = false
    memory_size             = 4096
    supported_architectures = ["x86_64"]
  }
}

mock_data "aws_subnet" {
  defaults = {
    vpc_id            = "vpc-0fedcba9876543210"
    availability_zone = "eu-west-1b"
  }
}

mock_data "aws_ami" {
  defaults = { id = "ami-0123456789abcdef0" }
}

# One that every name of the tests is in.
mock_data "aws_route53_zone" {
  defaults = { name = "example" }
}

mock_resource "aws_vpc" {}
mock_resource "aws_default_security_group" {}
mock_resource "aws_internet_gateway" {}
mock_resource "aws_subnet" {}
mock_resource "aws_route_table" {}
mock_resource "aws_route" {}
mock_resource "aws_route_table_association" {}
mock_resource "aws_vpc_endpoint" {}

mock_resource "aws_security_group" {}
mock_resource "aws_vpc_security_group_ingress_rule" {}
mock_resource "aws_vpc_security_group_egress_rule" {}

mock_resource "aws_key_pair" {}
mock_resource "aws_ec2_instance_state" {}
mock_resource "aws_volume_attachment" {}
mock_resource "aws_eip_association" {}

mock_resource "aws_instance" {
  defaults = { primary_network_interface_id = "eni-0123456789abcdef0" }
}

mock_resource "aws_ebs_volume" {
  defaults = { id = "vol-0123456789abcdef0" }
}

mock_resource "aws_eip" {
  defaults = { public_ip = "203.0.113.7" }
}

mock_resource "aws_s3_bucket" {
  defaults = { arn = "arn:aws:s3:::harbour-stuf-uploads" }
}

mock_resource "aws_s3_bucket_versioning" {}
mock_resource "aws_s3_bucket_server_side_encryption_configuration" {}
mock_resource "aws_s3_bucket_public_access_block" {}
mock_resource "aws_s3_bucket_ownership_controls" {}
mock_resource "aws_s3_bucket_policy" {}
mock_resource "aws_s3_bucket_lifecycle_configuration" {}

mock_resource "aws_iam_user" {}
mock_resource "aws_iam_user_policy" {}
mock_resource "aws_iam_instance_profile" {}
mock_resource "aws_iam_role_policy" {}

mock_resource "aws_iam_role" {
  defaults = { arn = "arn:aws:iam::123456789012:role/stuf/some-role" }
}

mock_resource "aws_db_subnet_group" {}
mock_resource "aws_db_parameter_group" {}

mock_resource "aws_db_instance" {
  defaults = {
    address = "identity.example.eu-west-1.rds.amazonaws.com"
    port    = 5432
    master_user_secret = [{
      kms_key_id    = "arn:aws:kms:eu-west-1:123456789012:alias/aws/secretsmanager"
      secret_arn    = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!db-example"
      secret_status = "active"
    }]
  }
}

mock_resource "aws_route53_record" {}

mock_resource "aws_cloudwatch_log_group" {
  defaults = { arn = "arn:aws:logs:eu-west-1:123456789012:log-group:some-group" }
}

mock_resource "aws_flow_log" {}

mock_resource "aws_sns_topic" {
  defaults = { arn = "arn:aws:sns:eu-west-1:123456789012:some-topic" }
}

mock_resource "aws_sns_topic_subscription" {}
mock_resource "aws_cloudwatch_metric_alarm" {}
mock_resource "aws_budgets_budget" {}
