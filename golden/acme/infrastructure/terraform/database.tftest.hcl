# The database of Keycloak, and the name of the installation.

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

run "with_database_and_name" {
  command = plan

  variables {
    existing_subnet_id   = ""
    database             = true
    database_version     = "17"
    database_class       = "db.t4g.small"
    database_storage_gib = 40
    database_multi_az    = true
    database_backup_days = 21
    dns_zone_id          = "Z0123456789ABCDEFGHIJ"
    dns_ttl_seconds      = 120
    logs                 = true
    log_retention_days   = 30
  }

  assert {
    condition     = aws_db_instance.identity[0].manage_master_user_password == true && aws_db_instance.identity[0].password == null
    error_message = "RDS makes and keeps the password: it is in no state."
  }

  assert {
    condition     = aws_db_instance.identity[0].storage_encrypted == true && aws_db_instance.identity[0].allocated_storage == 40
    error_message = "The database's storage is encrypted, and as large as asked for."
  }

  assert {
    condition     = aws_db_instance.identity[0].publicly_accessible == false
    error_message = "The database has no public address."
  }

  assert {
    condition     = [for parameter in aws_db_parameter_group.identity[0].parameter : parameter.value if parameter.name == "rds.force_ssl"] == ["1"] && aws_db_instance.identity[0].parameter_group_name == aws_db_parameter_group.identity[0].name
    error_message = "The database is spoken to by TLS only."
  }

  assert {
    condition     = aws_db_instance.identity[0].engine == "postgres" && aws_db_instance.identity[0].engine_version == "17" && aws_db_parameter_group.identity[0].family == "postgres17"
    error_message = "The database is PostgreSQL of the version asked for."
  }

  assert {
    condition     = aws_db_instance.identity[0].instance_class == "db.t4g.small" && aws_db_instance.identity[0].multi_az == true
    error_message = "The database is as large, and as often there, as asked for."
  }

  assert {
    condition     = aws_db_instance.identity[0].backup_retention_period == 21
    error_message = "Backups are kept as long as asked for."
  }

  assert {
    condition     = aws_db_instance.identity[0].deletion_protection == true
    error_message = "A click in the console does not delete the database."
  }

  assert {
    condition     = aws_db_instance.identity[0].skip_final_snapshot == false && aws_db_instance.identity[0].final_snapshot_identifier == "stuf-harbour-production-identity-final"
    error_message = "Of a database that is deleted after all, a snapshot stays."
  }

  assert {
    condition     = aws_db_instance.identity[0].auto_minor_version_upgrade == true && aws_db_instance.identity[0].copy_tags_to_snapshot == true
    error_message = "The database takes corrections by itself, and its snapshots tell whose they are."
  }

  assert {
    condition     = aws_db_instance.identity[0].apply_immediately == true && aws_db_instance.identity[0].allow_major_version_upgrade == true
    error_message = "What was approved of the database happens at once, a newer major version too."
  }

  assert {
    # Terraform shows no lifecycle to a test, so the text is read.
    condition     = can(regex("resource \"aws_db_instance\" \"identity\" \\{(?:[^\n]|\n[^}])*prevent_destroy = true", file("${path.module}/database.tf")))
    error_message = "The database refuses to be destroyed."
  }

  assert {
    condition     = aws_db_instance.identity[0].enabled_cloudwatch_logs_exports == toset(["postgresql", "upgrade"]) && alltrue([for group in aws_cloudwatch_log_group.database : group.retention_in_days == 30])
    error_message = "The database's messages are logged, and kept as long as asked for."
  }

  assert {
    condition = output.inventory.database == {
      host       = "identity.example.eu-west-1.rds.amazonaws.com"
      port       = 5432
      name       = "keycloak"
      user       = "stuf"
      secret_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!db-example"
    }
    error_message = "The inventory tells where the database is, and the name of its secret."
  }

  assert {
    condition     = aws_route53_record.server[0].name == "files.harbour.example" && aws_route53_record.server[0].zone_id == "Z0123456789ABCDEFGHIJ" && aws_route53_record.server[0].records == toset([aws_eip.server.public_ip]) && aws_route53_record.server[0].ttl == 120
    error_message = "The name leads to the server's address."
  }

  assert {
    condition     = output.inventory.dns_is_set == true
    error_message = "The inventory tells that the record is set."
  }
}

run "without" {
  command = plan

  variables {
    database    = false
    dns_zone_id = ""
  }

  assert {
    condition     = length(aws_db_instance.identity) + length(aws_db_subnet_group.identity) + length(aws_security_group.database) + length(aws_cloudwatch_log_group.database) + length(aws_route53_record.server) == 0
    error_message = "Neither database nor record is made unless asked for."
  }

  assert {
    condition     = output.inventory.database == null && output.inventory.dns_is_set == false
    error_message = "The inventory tells that neither was made."
  }
}

run "zone_of_another_name" {
  command = plan

  variables {
    existing_subnet_id = ""
    dns_zone_id        = "Z0123456789ABCDEFGHIJ"
  }

  # Not the end of a label: files.harbour.example is no name in bour.example.
  override_data {
    target = data.aws_route53_zone.domain
    values = { name = "bour.example" }
  }

  expect_failures = [aws_route53_record.server]
}

run "a_slug_with_two_hyphens" {
  command = plan

  variables {
    slug               = "har--bour"
    existing_subnet_id = ""
    database           = true
  }

  assert {
    condition     = aws_db_instance.identity[0].identifier == "stuf-har-bour-production-identity"
    error_message = "RDS takes no two hyphens in a row."
  }
}
