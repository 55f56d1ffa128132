# One value, which becomes the inventory of Ansible; no secret is part of it.
output "inventory" {
  description = "Everything that configuring the server needs to know of what was made here."

  value = {
    region      = var.region
    instance_id = aws_instance.server.id
    address     = aws_eip.server.public_ip
    # Debian's image has this account, with sudo.
    user            = "admin"
    session_manager = var.session_manager
    # Under this name the system finds the volume whatever the order in which disks appear.
    data_device = "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${replace(aws_ebs_volume.data.id, "-", "")}"

    storage = {
      endpoint = "s3.${var.region}.amazonaws.com"
      region   = var.region
      bucket   = aws_s3_bucket.uploads.bucket
      # Whose access key `aws iam create-access-key` makes.
      user = aws_iam_user.application.name
    }

    # Null where Keycloak's database runs on the server.
    database = var.database ? {
      host = aws_db_instance.identity[0].address
      port = aws_db_instance.identity[0].port
      name = aws_db_instance.identity[0].db_name
      user = aws_db_instance.identity[0].username
      # The name of the secret in Secrets Manager, not the secret.
      secret_arn = one(aws_db_instance.identity[0].master_user_secret[*].secret_arn)
    } : null

    # False where the zone is kept elsewhere: then somebody sets the record to `address`.
    dns_is_set = var.dns_zone_id != ""
  }
}
