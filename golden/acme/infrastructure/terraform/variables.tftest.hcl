# What no installation can have is refused before anything is planned, each by the message of its own variable.

mock_provider "aws" {
  source          = "./mocks"
  override_during = plan
}

run "refused" {
  command = plan

  variables {
    slug                    = "Harbour-"
    environment             = "test"
    region                  = "Ireland"
    account_id              = "1234-5678-9012"
    domain                  = "https://files.harbour.example"
    instance_type           = "t4g.large"
    root_volume_gib         = 8
    data_volume_gib         = 50.5
    ssh_public_key          = "ecdsa-sha2-nistp256 AAAA"
    session_manager         = false
    ssh_cidrs               = []
    web_cidrs               = ["everyone"]
    egress_tcp_ports        = [443, 70000]
    vpc_cidr                = "10.20.0.0/8"
    existing_subnet_id      = "vpc-0123456789abcdef0"
    bucket_name             = "Harbour_uploads"
    noncurrent_version_days = 0
    database                = true
    database_version        = "14"
    database_class          = "t4g.micro"
    database_storage_gib    = 5
    database_backup_days    = 0
    dns_zone_id             = "files.harbour.example"
    dns_ttl_seconds         = 1
    log_retention_days      = 42
    alarm_email             = "ta, colleague@harbour.example"
  }

  expect_failures = [
    var.slug,
    var.environment,
    var.region,
    var.account_id,
    var.domain,
    var.instance_type,
    var.root_volume_gib,
    var.data_volume_gib,
    var.ssh_public_key,
    var.session_manager,
    var.web_cidrs,
    var.egress_tcp_ports,
    var.vpc_cidr,
    var.existing_subnet_id,
    var.bucket_name,
    var.noncurrent_version_days,
    var.database_version,
    var.database_class,
    var.database_storage_gib,
    var.database_backup_days,
    var.dns_zone_id,
    var.dns_ttl_seconds,
    var.log_retention_days,
    var.alarm_email,
  ]
}

# Where a validation looks at another variable too, that one has to be right, else Terraform does not ask.
run "refused_alone" {
  command = plan

  variables {
    slug                         = "harbour"
    environment                  = "production"
    region                       = "eu-west-1"
    domain                       = "files.harbour.example"
    bucket_name                  = "harbour-stuf-uploads"
    ssh_public_key               = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKqaAJFD04B2LnIceO5BfT4AlutPAnUP4oE+fwZhylv5"
    existing_subnet_id           = ""
    existing_database_subnet_ids = ["subnet-Z"]
    alarm_email                  = "ta@harbour.example"
    budget_monthly_usd           = 0.5
  }

  expect_failures = [
    var.existing_database_subnet_ids,
    var.budget_monthly_usd,
  ]
}

run "refused_together" {
  command = plan

  variables {
    slug                         = "harbour"
    environment                  = "production"
    region                       = "eu-west-1"
    domain                       = "files.harbour.example"
    bucket_name                  = "harbour-stuf-uploads"
    ssh_public_key               = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKqaAJFD04B2LnIceO5BfT4AlutPAnUP4oE+fwZhylv5"
    ssh_cidrs                    = ["0.0.0.0/0"]
    existing_subnet_id           = "subnet-0123456789abcdef0"
    existing_database_subnet_ids = ["subnet-0aaaaaaaaaaaaaaa1"]
    database                     = true
    alarm_email                  = ""
    budget_monthly_usd           = 100
  }

  # SSH for the whole internet, a database in one subnet, and a budget that tells nobody.
  expect_failures = [
    var.ssh_cidrs,
    var.existing_database_subnet_ids,
    var.budget_monthly_usd,
  ]
}
